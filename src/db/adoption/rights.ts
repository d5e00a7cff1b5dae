import { sql } from 'kysely'
import type { Difference } from '../catalogue/finding.ts'
import { bareName, wantedTables } from './platform-tables.ts'
import type { Scene } from './preflight.ts'

interface Role {
  readonly name: string
  /** Whether it may at once what the roles may of which it is a member. */
  readonly inherits: boolean
  readonly mayCreateSchemas: boolean
  readonly mayCreateInPublic: boolean
  readonly database: string
  /** Whether uuid-ossp is there and found, could be made, or neither. */
  readonly uuids: 'found' | 'elsewhere' | 'creatable' | 'forbidden' | 'unavailable'
  readonly uuidSchema: string | null
  readonly schemas: readonly string[]
}

interface Foreign {
  /** TABLE, VIEW, FUNCTION or SCHEMA. */
  readonly kind: string
  readonly name: string
  readonly owner: string
  readonly ownerIsSuperuser: boolean
}

/** What the role may not do that the migrations have to do. A superuser may everything. */
export async function findRights(scene: Scene): Promise<Difference[]> {
  const role = await readRole(scene)
  const foreign = await readForeign(scene)
  return [
    ...foreign.map((object) => ({
      object: `${object.kind.toLowerCase()} ${object.name}`,
      wanted: `owned by ${role.name}, or by a role of which it is a member`,
      found: `owned by ${object.owner}`,
      remedy: giveOver(role, object),
    })),
    ...privileges(role),
    ...uuids(role),
  ]
}

/** A member has the rights and the owner stays, but nobody is to become a superuser's member for it. */
function giveOver(role: Role, { kind, name, owner, ownerIsSuperuser }: Foreign): string[] {
  if (ownerIsSuperuser) return [`ALTER ${kind} ${name} OWNER TO ${role.name};`]
  return [...(role.inherits ? [] : [`ALTER ROLE ${role.name} INHERIT;`]), `GRANT ${owner} TO ${role.name};`]
}

async function readRole({ db }: Scene): Promise<Role> {
  const { rows } = await sql<Role>`
    SELECT quote_ident(current_user) AS name,
           (SELECT rolinherit FROM pg_roles WHERE rolname = current_user) AS inherits,
           quote_ident(current_database()) AS database,
           has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchemas",
           has_schema_privilege('public', 'CREATE') AS "mayCreateInPublic",
           ARRAY(SELECT nspname::text FROM pg_namespace WHERE nspname IN ('fleet', 'pgboss')) AS schemas,
           (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'uuid-ossp') AS "uuidSchema",
           CASE WHEN EXISTS (SELECT FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                              WHERE extname = 'uuid-ossp' AND n.nspname = ANY ('public'::name || current_schemas(false))) THEN 'found'
                WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'uuid-ossp') THEN 'elsewhere'
                WHEN NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'uuid-ossp') THEN 'unavailable'
                WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                  OR (current_setting('server_version_num')::integer >= 130000
                      AND has_database_privilege(current_database(), 'CREATE')) THEN 'creatable'
                ELSE 'forbidden' END AS uuids`.execute(db)
  return rows[0] as Role
}

async function readForeign(scene: Scene): Promise<Foreign[]> {
  const names = [...wantedTables(scene), ...scene.platform.views].map(({ name }) => bareName(name))
  const functions = scene.platform.routines.filter(({ schema }) => schema === 'public').map(({ name }) => name)
  const { rows } = await sql<Foreign>`
    SELECT kind, name, quote_ident(rolname) AS owner, rolsuper AS "ownerIsSuperuser"
      FROM (SELECT 'SCHEMA' AS kind, nspname::text AS name, nspowner AS owner FROM pg_namespace WHERE nspname IN ('fleet', 'pgboss')
            UNION ALL
            SELECT CASE WHEN relkind = 'v' THEN 'VIEW' ELSE 'TABLE' END, format('public.%I', relname), relowner
              FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND relname = ANY (${names})
            UNION ALL
            SELECT 'FUNCTION', oid::regprocedure::text, proowner FROM pg_proc
             WHERE oid = ANY (ARRAY(SELECT to_regprocedure(f) FROM unnest(${functions}::text[]) f))) AS objects
      JOIN pg_roles ON pg_roles.oid = owner
     WHERE NOT pg_has_role(owner, 'USAGE')
     ORDER BY 1, 2`.execute(scene.db)
  return rows
}

function privileges(role: Role): Difference[] {
  const { name, database, mayCreateSchemas, mayCreateInPublic, schemas } = role
  const findings: Difference[] = []
  if (!mayCreateSchemas && schemas.length < 2) {
    findings.push({
      object: `database ${database}`,
      wanted: `CREATE for ${name}, who makes schemas fleet and pgboss`,
      found: 'no such privilege',
      remedy: [`GRANT CREATE ON DATABASE ${database} TO ${name};`],
    })
  }
  if (!mayCreateInPublic) {
    findings.push({
      object: 'schema public',
      wanted: `CREATE for ${name}`,
      found: 'no such privilege',
      remedy: [`GRANT USAGE, CREATE ON SCHEMA public TO ${name};`],
    })
  }
  return findings
}

function uuids({ uuids: state, uuidSchema, name }: Role): Difference[] {
  const object = 'extension "uuid-ossp"'
  const create = 'CREATE EXTENSION "uuid-ossp" WITH SCHEMA public;'
  switch (state) {
    case 'found':
    case 'creatable':
      return []
    case 'elsewhere': {
      const remedy = [`ALTER ROLE ${name} SET search_path = public, ${uuidSchema};`]
      return [{ object, wanted: 'in a schema of the search path', found: `in schema ${uuidSchema}`, remedy }]
    }
    case 'forbidden':
      return [{ object, wanted: 'an extension', found: `nothing, and ${name} may not create it`, remedy: [create] }]
    case 'unavailable': {
      const remedy = ["-- install the package with PostgreSQL's contributed extensions", create]
      return [{ object, wanted: 'an extension', found: 'nothing, and the server does not have it', remedy }]
    }
  }
}
