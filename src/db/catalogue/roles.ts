/** The roles that the fleet's grants and policies are for. No other role's privileges are the fleet's business. */
export const fleetRoles = ['fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly'] as const
