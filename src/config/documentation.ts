import { type VariableName, variableNames, variables } from './variables.ts'

const introduction = `# Configuration

This page is generated from \`src/config/variables.ts\` by \`npm run generate:config-docs\`; a test fails when it is stale.

- Variables are read from the environment and from \`.env\` in the project's root; the environment wins. An empty value counts as not given.
- A secret (marked below) can be kept in a file: \`NAME_FILE\` holds its path, which, when it is relative, starts from the
  project's root. Line ends at the file's end are dropped. \`NAME\` and \`NAME_FILE\` together in one place are a fault.
- In \`.env\` put a value that holds \`#\`, spaces or quotation marks into single quotes: \`SMTP_URL='smtp://user:pass@host'\`. Nobody but its
  owner should be able to read the file (\`chmod 600 .env\`); a warning says so.
- Special characters in a URL's user name and password are percent-encoded: \`%40\` for \`@\`, \`%2F\` for \`/\`, \`%23\` for \`#\`, \`%3F\` for \`?\`,
  \`%25\` for \`%\`.
- All faults are reported at once, secrets masked, and the process exits with status 78. A name that looks like a misspelt one of these
  is a warning.
`

/** The text of \`docs/config.md\`, made from the table of variables. */
export function renderDocumentation(): string {
  const groups = Object.entries(Object.groupBy(variableNames, (name) => variables[name].group))
  const sections = groups.map(([group, names]) => `## ${group}\n\n${renderTable(names)}\n`)
  return [introduction, ...sections].join('\n')
}

function renderTable(names: readonly VariableName[]): string {
  return ['| variable | meaning | expected | default |', '|---|---|---|---|', ...names.map(renderRow)].join('\n')
}

function renderRow(name: VariableName): string {
  const variable = variables[name]
  const secret = variable.secret ? ` Secret: also as \`${name}_FILE\`.` : ''
  const fallback = variable.default === undefined ? (variable.unset ?? '') : `\`${variable.default}\``
  const cells = [`\`${name}\``, `${variable.description}${secret}`, variable.schema.description ?? '', fallback]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
