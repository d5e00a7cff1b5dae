import { type Kysely, sql } from 'kysely'

/**
 * How a table is settled: moved out of its draft where the platform has none, or else the platform's own is given what it lacks.
 * Columns, defaults, indexes, keys and triggers are compared by what they mean, not by their names or places. What cannot be
 * reconciled without a decision of somebody who knows the data ends the migration, with the statement that would.
 *
 * Locks: none on existing tables by itself. `settle_table` takes ACCESS EXCLUSIVE on a table that it changes, reads it for each index or
 * key that it adds, and takes ACCESS EXCLUSIVE on the tables that the draft's foreign keys refer to, briefly, as it drops the draft.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createSettleColumns(db)
  await createSettleDefault(db)
  await createSettleIndexes(db)
  await createSettleForeignKeys(db)
  await createSettleTriggers(db)
  await createSettleTable(db)
}

async function createSettleColumns(db: Kysely<any>): Promise<void> {
  // A column that counts takes its value from a sequence: a serial, or an identity.
  await sql`
    CREATE FUNCTION fleet.table_columns(relation regclass)
    RETURNS TABLE (place smallint, name name, type text, required boolean, fallback text, counts boolean)
    LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      SELECT a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
             a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false)
        FROM pg_attribute a
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.settle_columns(object_name text, draft regclass, existing regclass)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      col record;
    BEGIN
      FOR col IN
        SELECT wanted.*, e.name IS NULL AS missing, e.type AS found_type, e.required AS found_required
          FROM fleet.table_columns(draft) wanted
          LEFT JOIN fleet.table_columns(existing) e ON e.name = wanted.name
         ORDER BY wanted.place
      LOOP
        IF col.missing AND col.counts THEN
          RAISE EXCEPTION '% has no column %', existing, col.name
            USING HINT = format('ALTER TABLE %s ADD COLUMN %I serial', existing, col.name);
        ELSIF col.missing THEN
          PERFORM fleet.change_found('table', object_name, format('column %I added', col.name),
            format('ALTER TABLE %s ADD COLUMN %I %s%s%s', existing, col.name, col.type, ' DEFAULT ' || col.fallback,
                   CASE WHEN col.required THEN ' NOT NULL' END),
            format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', existing, col.name));
        ELSIF col.type <> col.found_type THEN
          RAISE EXCEPTION 'column %.% is %, not %', existing, col.name, col.found_type, col.type
            USING HINT = format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', existing, col.name, col.type);
        ELSIF col.required <> col.found_required THEN
          RAISE EXCEPTION 'column %.% % NULL', existing, col.name, CASE WHEN col.required THEN 'takes' ELSE 'does not take' END
            USING HINT = format('ALTER TABLE %s ALTER COLUMN %I %s NOT NULL', existing, col.name,
                                CASE WHEN col.required THEN 'SET' ELSE 'DROP' END);
        END IF;
      END LOOP;
    END $$`.execute(db)
}

async function createSettleDefault(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.settle_defaults(object_name text, draft regclass, existing regclass)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      col    record;
      alter_column text;
    BEGIN
      FOR col IN
        SELECT wanted.*, e.fallback AS found_fallback
          FROM fleet.table_columns(draft) wanted
          JOIN fleet.table_columns(existing) e ON e.name = wanted.name
         WHERE CASE WHEN wanted.counts THEN NOT e.counts ELSE wanted.fallback IS DISTINCT FROM e.fallback END
         ORDER BY wanted.place
      LOOP
        alter_column := format('ALTER TABLE %s ALTER COLUMN %I ', existing, col.name);
        IF col.counts THEN
          PERFORM fleet.add_sequence(object_name, existing, col.name);
          col.fallback := format('nextval(%L)', format('public.%I', format('%s_%s_seq', object_name, col.name)));
        END IF;
        PERFORM fleet.change_found('table', object_name,
          format('default of %I: %s, was %s', col.name, coalesce(col.fallback, 'none'), coalesce(col.found_fallback, 'none')),
          alter_column || coalesce('SET DEFAULT ' || col.fallback, 'DROP DEFAULT'),
          alter_column || coalesce('SET DEFAULT ' || col.found_fallback, 'DROP DEFAULT'));
      END LOOP;
    END $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.add_sequence(object_name text, existing regclass, column_name name)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      sequence text := format('public.%I', format('%s_%s_seq', object_name, column_name));
    BEGIN
      PERFORM fleet.change_found('table', object_name, format('sequence %s created', sequence),
        format('CREATE SEQUENCE %s AS integer', sequence), format('DROP SEQUENCE %s', sequence));
      EXECUTE (SELECT format('ALTER SEQUENCE %s OWNER TO %I', sequence, pg_get_userbyid(relowner)) FROM pg_class WHERE oid = existing);
      EXECUTE format('ALTER SEQUENCE %s OWNED BY %s.%I', sequence, existing, column_name);
      EXECUTE format('SELECT setval(%L, max(%I)) FROM %s', sequence, column_name, existing);
    END $$`.execute(db)
}

async function createSettleIndexes(db: Kysely<any>): Promise<void> {
  // What an index is for: not its name, its table or how full its pages are.
  await sql`
    CREATE FUNCTION fleet.index_meaning(index regclass)
    RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      SELECT regexp_replace(regexp_replace(pg_get_indexdef(index), ' INDEX .* ON (ONLY )?[^ ]+ USING ', ' INDEX USING '),
                            ' WITH [(][^)]*[)]', '')
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.settle_indexes(object_name text, draft regclass, existing regclass)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      wanted record;
    BEGIN
      FOR wanted IN
        SELECT r.relname, format('public.%I', r.relname) AS label, pg_get_indexdef(r.oid) AS definition,
               c.conname, pg_get_constraintdef(c.oid) AS key_definition,
               EXISTS (
                 SELECT FROM pg_index broken
                  WHERE broken.indrelid = existing AND broken.indexrelid = to_regclass(format('public.%I', r.relname))
                    AND NOT broken.indisvalid AND fleet.index_meaning(broken.indexrelid) = fleet.index_meaning(r.oid)) AS broken
          FROM pg_index i
          JOIN pg_class r ON r.oid = i.indexrelid
          LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
         WHERE i.indrelid = draft
           AND NOT EXISTS (
                 SELECT FROM pg_index e
                  WHERE e.indrelid = existing AND e.indisvalid AND e.indimmediate AND (e.indisprimary OR NOT i.indisprimary)
                    AND fleet.index_meaning(e.indexrelid) = fleet.index_meaning(i.indexrelid))
         ORDER BY i.indexrelid
      LOOP
        IF wanted.broken THEN
          PERFORM fleet.change_found('table', object_name, format('index %I was invalid, rebuilt', wanted.relname),
            format('REINDEX INDEX %s', wanted.label), NULL);
        ELSIF wanted.conname IS NOT NULL THEN
          PERFORM fleet.change_found('table', object_name, format('%s added', wanted.key_definition),
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', existing, wanted.conname, wanted.key_definition),
            format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', existing, wanted.conname));
        ELSE
          PERFORM fleet.change_found('table', object_name, format('index %I created', wanted.relname),
            replace(wanted.definition, format(' ON %s USING ', draft), format(' ON %s USING ', existing)),
            format('DROP INDEX IF EXISTS %s', wanted.label));
        END IF;
      END LOOP;
    END $$`.execute(db)
}

async function createSettleForeignKeys(db: Kysely<any>): Promise<void> {
  // A draft that refers to itself will refer to the table that it becomes.
  await sql`
    CREATE FUNCTION fleet.foreign_keys(relation regclass)
    RETURNS TABLE (name name, meaning text, rule "char", definition text) LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      SELECT conname, substring(replace(pg_get_constraintdef(oid), ' REFERENCES fleet.', ' REFERENCES public.') FROM '^FOREIGN KEY.* REFERENCES [^(]*[(][^)]*[)]'),
             confdeltype, replace(pg_get_constraintdef(oid), ' REFERENCES fleet.', ' REFERENCES public.')
        FROM pg_constraint WHERE conrelid = relation AND contype = 'f'
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.settle_foreign_keys(object_name text, draft regclass, existing regclass)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      key record;
    BEGIN
      FOR key IN
        SELECT wanted.* FROM fleet.foreign_keys(draft) wanted
         WHERE NOT EXISTS (SELECT FROM fleet.foreign_keys(existing) e WHERE e.meaning = wanted.meaning)
         ORDER BY wanted.name
      LOOP
        PERFORM fleet.change_found('table', object_name, format('%s added', key.definition),
          format('ALTER TABLE %s ADD CONSTRAINT %I %s', existing, key.name, key.definition),
          format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', existing, key.name));
      END LOOP;
      PERFORM fleet.note_adoption('table', object_name, 'found',
                format('foreign key %I stays as it is: %s, where a new database has %s', e.name, e.definition, wanted.definition))
         FROM fleet.foreign_keys(draft) wanted
         JOIN fleet.foreign_keys(existing) e ON e.meaning = wanted.meaning AND e.rule <> wanted.rule;
    END $$`.execute(db)
}

async function createSettleTriggers(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.table_triggers(relation regclass)
    RETURNS TABLE (name name, meaning text, state "char", definition text) LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      SELECT tgname, regexp_replace(definition, ' TRIGGER [^ ]+ ', ' TRIGGER '), tgenabled, definition
        FROM pg_trigger, replace(pg_get_triggerdef(oid), ' ON fleet.', ' ON public.') AS definition
       WHERE tgrelid = relation AND NOT tgisinternal
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.settle_triggers(object_name text, draft regclass, existing regclass)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      wanted record;
      former record;
    BEGIN
      FOR wanted IN
        SELECT w.* FROM fleet.table_triggers(draft) w
         WHERE NOT EXISTS (SELECT FROM fleet.table_triggers(existing) e WHERE e.meaning = w.meaning AND e.state <> 'D')
         ORDER BY w.name
      LOOP
        FOR former IN
          SELECT e.* FROM fleet.table_triggers(existing) e
           WHERE e.name = wanted.name OR e.definition LIKE '%EXECUTE FUNCTION public.update_updated_at_column()'
        LOOP
          PERFORM fleet.change_found('table', object_name, format('trigger %I taken off', former.name),
            format('DROP TRIGGER %I ON %s', former.name, existing),
            concat_ws('; ', former.definition, fleet.trigger_state(existing, former.name, former.state)));
        END LOOP;
        PERFORM fleet.change_found('table', object_name, format('trigger %I created', wanted.name),
          wanted.definition, format('DROP TRIGGER IF EXISTS %I ON %s', wanted.name, existing));
      END LOOP;
    END $$`.execute(db)
}

async function createSettleTable(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.settle_table(object_name text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      draft    regclass := format('fleet.%I', object_name)::regclass;
      existing regclass := to_regclass(format('public.%I', object_name));
    BEGIN
      IF existing IS NULL THEN
        EXECUTE format('ALTER TABLE %s SET SCHEMA public', draft);
        PERFORM fleet.note_adoption('table', object_name, 'created', 'created', format('DROP TABLE public.%I', object_name));
        RETURN;
      END IF;
      PERFORM fleet.note_adoption('table', object_name, 'found', 'was there');
      PERFORM fleet.settle_columns(object_name, draft, existing);
      PERFORM fleet.settle_defaults(object_name, draft, existing);
      PERFORM fleet.settle_indexes(object_name, draft, existing);
      PERFORM fleet.settle_foreign_keys(object_name, draft, existing);
      PERFORM fleet.settle_triggers(object_name, draft, existing);
      EXECUTE format('DROP TABLE %s', draft);
    END $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.created_table(object_name text)
    RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      SELECT EXISTS (SELECT FROM fleet.adoptions WHERE kind = 'table' AND name = object_name AND what = 'created')
    $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.created_table(text), fleet.settle_table(text)`.execute(db)
  await sql`
    DROP FUNCTION
      fleet.settle_triggers(text, regclass, regclass), fleet.settle_foreign_keys(text, regclass, regclass),
      fleet.settle_indexes(text, regclass, regclass), fleet.settle_defaults(text, regclass, regclass),
      fleet.settle_columns(text, regclass, regclass), fleet.add_sequence(text, regclass, name)`.execute(db)
  await sql`
    DROP FUNCTION
      fleet.table_triggers(regclass), fleet.foreign_keys(regclass), fleet.index_meaning(regclass), fleet.table_columns(regclass)`.execute(
    db,
  )
}
