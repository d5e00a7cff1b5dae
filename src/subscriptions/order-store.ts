import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** How far back orders are looked for, and at which moment. */
interface OrderWindow {
  readonly now: Date
  readonly longPastMs: number
}

/** Orders of active companies whose end has passed and that the ledger does not know. */
const passed = ({ now, longPastMs }: OrderWindow) => sql`
  FROM orders o
 WHERE o.subscription_end > ${new Date(now.getTime() - longPastMs)}::timestamp AND o.subscription_end <= ${now}::timestamp
   AND (SELECT c.is_active IS NOT FALSE FROM companies c WHERE c.id = o.company_id)
   AND NOT EXISTS (SELECT FROM fleet.notices n
                    WHERE n.entity_type = 'orders' AND n.entity_id = o.id AND n.stage = 'expired'
                      AND n.subscription_end = o.subscription_end)`

export async function countPassedOrders(db: Kysely<DB>, window: OrderWindow): Promise<number> {
  const { rows } = await sql<{ count: number }>`SELECT count(*)::integer AS count ${passed(window)}`.execute(db)
  return rows[0]?.count ?? 0
}

/** Writes down that the ends of orders have passed; nobody is told. Answers how many. */
export async function recordPassedOrders(db: Kysely<DB>, window: OrderWindow): Promise<number> {
  const { numAffectedRows } = await sql`
    INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, company_id, decided_at, outcome)
    SELECT 'orders', o.id, 'expired', o.subscription_end, o.company_id, ${window.now}, 'recorded'
    ${passed(window)}
        ON CONFLICT DO NOTHING`.execute(db)
  return Number(numAffectedRows ?? 0)
}
