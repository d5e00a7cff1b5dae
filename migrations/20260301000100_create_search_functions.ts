import { type Kysely, sql } from 'kysely'

/**
 * What full-text search stands on: how text is made even, what is indexed of it, and how a query is read. All immutable, so that
 * indexes can hold them. They name the schema of everything they use: indexes are built and restored with an empty search path.
 * Whoever writes to an indexed table executes them, and PostgreSQL lets everybody do so.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createText(db)
  await createVector(db)
  await createPortraitDetails(db)
  await createQuery(db)
}

/**
 * The parser takes a path, a host or a hyphenated word for one token, so punctuation becomes spaces, one for each character: places in
 * the text stay what they were. Where й and ё are letters with a mark (file names of macOS) they are put together first. A database
 * whose LC_CTYPE is C lowers ASCII letters only; elsewhere the translation is of nothing, and costs nothing.
 */
async function createText(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.search_text(original text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
      SELECT regexp_replace(
        replace(replace(replace(
          translate(
            lower(original),
            CASE WHEN lower('Ы') = 'ы' THEN '' ELSE 'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ' END,
            'абвгдеёжзийклмнопрстуфхцчшщъыьэюя'),
          E'\\u0438\\u0306', 'й'), E'\\u0435\\u0308', 'е'), 'ё', 'е'),
        '[\\u0001-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u007f\\u00a0\\u00ab\\u00bb\\u2010-\\u2027\\u202f\\u2116]', ' ', 'g')
    $$`.execute(db)
}

/**
 * A name by the stems of its words and by the words as they are, so that names of stop words and half-typed words are found; details by
 * their stems. The gaps keep a phrase from reaching from one part into the next. 50,000 characters cannot overfill a vector, which
 * would fail the write.
 */
async function createVector(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.search_vector(name text, details text DEFAULT NULL) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000
    AS $$
    DECLARE
      name_text    CONSTANT text := coalesce(fleet.search_text(left(name, 50000)), '');
      details_text CONSTANT text := coalesce(fleet.search_text(left(details, 50000)), '');
      gap          CONSTANT tsvector := ''' '':100';
    BEGIN
      RETURN ts_delete(
        setweight(to_tsvector('pg_catalog.russian', name_text) || gap || to_tsvector('pg_catalog.simple', name_text), 'A')
          || gap || setweight(to_tsvector('pg_catalog.russian', details_text), 'B'),
        ' ');
    END $$`.execute(db)
}

/** Of URLs the path alone: that all files lie on one host says nothing about any of them. */
async function createPortraitDetails(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.file_name(path text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT regexp_replace(path, '^.*[/\\\\]', '') $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.portrait_details(
      unique_id uuid, file_path text, public_url text, image_path text, image_url text, thumbnail_path text, marker_path text, marker_url text)
    RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
    BEGIN
      RETURN regexp_replace(
        coalesce(file_path, '') || coalesce(' ' || public_url, '') || coalesce(' ' || image_path, '') || coalesce(' ' || image_url, '')
          || coalesce(' ' || thumbnail_path, '') || coalesce(' ' || marker_path, '') || coalesce(' ' || marker_url, ''),
        '[a-z]+://[^/ ]*', '', 'g') || ' ' || unique_id;
    END $$`.execute(db)
}

/**
 * Reads what people type: words that must all be there, "phrases", OR, and -words that must not. Anything can be typed; NULL comes of
 * what names nothing to look for. The last word may be the beginning of one. Words as they were typed find nothing that their
 * stems do not, but rank it higher. Stop words count where there is nothing else.
 */
async function createQuery(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.search_query(words text) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET client_min_messages = warning
    AS $$
    DECLARE
      -- Quotation marks, and a minus before a word, are no punctuation here: they pass as characters of the private use area.
      marked    CONSTANT text := translate(regexp_replace(words, '(^|[\\s"])-+(?=[^\\s-])', E'\\\\1\\uE000', 'g'), '"', E'\\uE001');
      -- Longer words than PostgreSQL indexes would be an error.
      plain     CONSTANT text := left(translate(fleet.search_text(marked), E'\\uE000\\uE001', '-"'), 500);
      last_word CONSTANT text := substring(plain FROM '(?:^|\\s)([^\\s"-][^\\s"]+)\\s*$');
      forms     CONSTANT tsquery := websearch_to_tsquery('pg_catalog.simple', plain);
      language  regconfig := 'pg_catalog.russian';
      found     tsquery := websearch_to_tsquery(language, plain);
      ending    tsquery;
    BEGIN
      IF numnode(found) = 0 THEN
        language := 'pg_catalog.simple';
        found := forms;
      END IF;
      ending := plainto_tsquery(language, last_word);
      IF numnode(ending) > 0 THEN
        found := ts_rewrite(found, ending, ending || (quote_literal(last_word) || ':*')::tsquery);
      END IF;
      found := found || (found && forms);
      RETURN CASE WHEN querytree(found) NOT IN ('', 'T') THEN found END;
    END $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.search_query(text)`.execute(db)
  await sql`DROP FUNCTION fleet.portrait_details(uuid, text, text, text, text, text, text, text)`.execute(db)
  await sql`DROP FUNCTION fleet.file_name(text)`.execute(db)
  await sql`DROP FUNCTION fleet.search_vector(text, text)`.execute(db)
  await sql`DROP FUNCTION fleet.search_text(text)`.execute(db)
}
