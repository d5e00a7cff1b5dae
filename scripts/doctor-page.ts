import type { Check } from '../src/ops/doctor/check.ts'
import { databaseChecks, hostChecks, measuringChecks } from '../src/ops/doctor/checks.ts'
import { generalKinds } from '../src/ops/doctor/examine-one.ts'
import type { FindingKinds } from '../src/ops/doctor/finding.ts'

const introduction = `# The doctor

The tables of this page are generated from \`src/ops/doctor/\` by \`npm run generate:doctor-docs\`; a test fails when they are stale.

\`\`\`sh
npx fleet doctor
npx fleet doctor --json
\`\`\`

looks for what is wrong with all that mail and notices depend on. It changes nothing and sends nothing. Of each thing it finds it says what is
wrong, why that matters, and the command that mends it.

- **Exit status**: 3 where it has found an error. Warnings, which may be as they should be, end with 0. A configuration that is wrong, or a database out of
  reach, is a finding like any other: the checks that need neither are made all the same, and it ends with 3, not with 78 or 4.
- **Where**: on a host that runs workers, as the user who runs them: it reads the same \`.env\`, and connects from the same place. What it cannot look at
  it says. A worker's role may not read passwords, nor how long other users' transactions have been open: as the owner of the database it sees more.
- **How long**: some seconds. A check that has no answer within 10 s is given up and is a finding itself (\`CHECK_TIMED_OUT\`).
- **Cost**: three connections to the database, one to the mail server, one call of the Bot API (\`getMe\`), some questions to the DNS. Trying the
  default password takes 0.3 s a user and ends after 5 s, administrators first.
- **By cron**: \`fleet doctor --json\` prints \`{"errors", "warnings", "findings", "checks"}\`. A finding has \`check\`, \`severity\`, \`code\`, \`what\`, \`why\` and \`remedy\`;
  \`code\` is one of those below and stays. \`checks\` lists each check with what is \`fine\`, or why it was \`skipped\`.

With no network, or where the sender is at \`localhost\`, the DNS is not asked, and the doctor says so. Whether the mail server's own address is among those
that SPF allows cannot be told from here: send yourself a mail, and read its \`Authentication-Results\`.
`

/** The text of docs/operations/doctor.md. */
export function renderDoctorPage(): string {
  const checks: readonly Pick<Check<never>, 'name' | 'kinds'>[] = [...hostChecks, ...measuringChecks, ...databaseChecks]
  const sections = checks.map(({ name, kinds }) => `## ${name}\n\n${renderTable(kinds)}\n`)
  return [introduction, ...sections, `## Any check\n\n${renderTable(generalKinds)}\n`].join('\n')
}

function renderTable(kinds: FindingKinds): string {
  const rows = Object.entries(kinds).map(([code, { severity, what, why, remedy }]) =>
    [`\`${code}\``, severity, what, why, remedy].map((cell) =>
      cell.replaceAll('|', '\\|').replace(/<([^>]*)>/g, '&lt;$1&gt;'),
    ),
  )
  const table = [
    ['code', 'severity', 'what is wrong', 'why it matters', 'what mends it'],
    ['---', '---', '---', '---', '---'],
    ...rows,
  ]
  return table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
