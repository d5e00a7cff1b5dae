import { type Kysely, sql } from 'kysely'

/**
 * `fleet.search`: one search over companies, projects, clients and portraits, the best of all first. It runs as whoever calls it, under
 * the policies that hold for them.
 *
 * A vector is made anew for each row that is ranked, which takes 20 to 200 µs. Of each kind a thousand matches by name and a thousand
 * matches at all are therefore ranked; `candidates` tells how many of a kind there were. The query stands in a CTE, so that it is read once and
 * the plan is the same whatever is asked.
 *
 * Locks: none.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.search(words text, kinds text[] DEFAULT NULL, company integer DEFAULT NULL, most integer DEFAULT 20)
    RETURNS TABLE (
      kind text, id integer, name text, details text, company_id integer, company_name text, rank real, candidates integer)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
      WITH asked AS MATERIALIZED (SELECT fleet.search_query(words) AS query),
      companies AS (
        SELECT 'company' AS kind, c.id, c.name::text AS name, NULL::text AS details, c.id AS company_id, fleet.search_vector(c.name) AS vector
          FROM (
            SELECT c.* FROM asked JOIN public.companies c ON fleet.search_vector(c.name) @@ query
             WHERE (kinds IS NULL OR 'company' = ANY(kinds)) AND (company IS NULL OR c.id = company)
             LIMIT 1000) c
      ),
      projects AS (
        SELECT 'project', p.id, p.name, p.description, p.company_id, fleet.search_vector(p.name, p.description)
          FROM public.projects p
         WHERE p.id IN (
           (SELECT p.id FROM asked JOIN public.projects p ON fleet.search_vector(p.name) @@ query
             WHERE (kinds IS NULL OR 'project' = ANY(kinds)) AND (company IS NULL OR p.company_id = company)
             LIMIT 1000)
           UNION
           (SELECT p.id FROM asked JOIN public.projects p ON fleet.search_vector(p.name, p.description) @@ query
             WHERE (kinds IS NULL OR 'project' = ANY(kinds)) AND (company IS NULL OR p.company_id = company)
             LIMIT 1000))
      ),
      clients AS (
        SELECT 'client', c.id, c.name, NULL, c.company_id, fleet.search_vector(c.name)
          FROM (
            SELECT c.* FROM asked JOIN public.clients c ON fleet.search_vector(c.name) @@ query
             WHERE (kinds IS NULL OR 'client' = ANY(kinds)) AND (company IS NULL OR c.company_id = company)
             LIMIT 1000) c
      ),
      described AS NOT MATERIALIZED (
        SELECT p.id, p.company_id, fleet.file_name(p.file_path) AS name,
               fleet.portrait_details(
                 p.unique_id, p.file_path, p.public_url, p.image_path, p.image_url, p.thumbnail_path, p.marker_path, p.marker_url) AS details
          FROM public.portraits p
      ),
      portraits AS (
        SELECT 'portrait', p.id, p.name, p.details, p.company_id, fleet.search_vector(p.name, p.details)
          FROM described p
         WHERE p.id IN (
           (SELECT p.id FROM asked JOIN described p ON fleet.search_vector(p.name) @@ query
             WHERE (kinds IS NULL OR 'portrait' = ANY(kinds)) AND (company IS NULL OR p.company_id = company)
             LIMIT 1000)
           UNION
           (SELECT p.id FROM asked JOIN described p ON fleet.search_vector(p.name, p.details) @@ query
             WHERE (kinds IS NULL OR 'portrait' = ANY(kinds)) AND (company IS NULL OR p.company_id = company)
             LIMIT 1000))
      ),
      found AS (
        SELECT * FROM companies UNION ALL SELECT * FROM projects UNION ALL SELECT * FROM clients UNION ALL SELECT * FROM portraits
      ),
      ranked AS (
        SELECT f.*, ts_rank(f.vector, query) AS rank, count(*) OVER (PARTITION BY f.kind)::integer AS candidates
          FROM found f CROSS JOIN asked
         ORDER BY rank DESC, length(f.name), f.kind, f.id
         LIMIT most
      )
      SELECT r.kind, r.id, r.name, r.details, r.company_id, c.name::text, r.rank, r.candidates
        FROM ranked r
        LEFT JOIN public.companies c ON c.id = r.company_id
       ORDER BY r.rank DESC, length(r.name), r.kind, r.id
    $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.search(text, text[], integer, integer)`.execute(db)
}
