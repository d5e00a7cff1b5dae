import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'

/** Debian's packages install into the system's own Python, whichever one comes first in the path. */
const python = '/usr/bin/python3'

/** Whether Alembic and its driver are installed. The tests do not need them; continuous integration installs both. */
export function hasAlembic(): boolean {
  try {
    execFileSync(python, ['-c', 'import alembic, sqlalchemy, psycopg2'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export interface AlembicComparison {
  /** Databases by URL: the models are what Alembic reads from the first, and are compared with the second. */
  readonly models: string
  readonly database: string
  /** Python that defines `include_name` and `include_object`. */
  readonly filter: string
}

/** What `alembic revision --autogenerate` would write, an operation a line. */
export async function autogenerate({ models, database, filter }: AlembicComparison): Promise<string[]> {
  const { stdout } = await promisify(execFile)(python, ['-c', program, models, database, filter])
  return stdout.split('\n').filter((line) => line !== '')
}

const program = `
import sys
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine
filters = {}
exec(sys.argv[3], filters)
def engine(url):
    options = {"options": "-c search_path=public"}
    return create_engine(url.replace("postgres://", "postgresql://"), connect_args=options)
metadata = MetaData()
metadata.reflect(engine(sys.argv[1]))
metadata.remove(metadata.tables["alembic_version"])
options = {"compare_type": True, "include_schemas": True}
options.update({name: filters[name] for name in ("include_name", "include_object") if name in filters})
with engine(sys.argv[2]).connect() as connection:
    for operation in compare_metadata(MigrationContext.configure(connection, opts=options), metadata):
        for change in operation if isinstance(operation, list) else [operation]:
            print(change[0], *[getattr(part, "name", part) for part in change[1:4]])
`
