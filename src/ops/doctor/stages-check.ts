import { writeNotice } from '../../subscriptions/notice-text.ts'
import type { Stage } from '../../subscriptions/stage.ts'
import { readStages } from '../../subscriptions/stage-store.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

const kinds = {
  STAGES_MISSING: {
    severity: 'error',
    what: '`fleet.subscription_stages` lacks a stage that the specification has',
    why: 'Sweeps fail, and nobody is warned.',
    remedy:
      'in psql: INSERT INTO fleet.subscription_stages (name, before, template) VALUES … (docs/subscriptions.md has them)',
  },
  STAGE_TEMPLATE_FAULTY: {
    severity: 'error',
    what: 'the template of a stage does not exist, or cannot be rendered',
    why: 'Nobody is told of that stage: the sweep skips it with the reason.',
    remedy: 'mend the template in src/email/templates, or name another in fleet.subscription_stages',
  },
} as const

const found = findingsOf(kinds)

const dayMs = 86_400_000
const locales = ['ru', 'en'] as const
const entityTypes = ['projects', 'portraits'] as const

/** Whether each stage of a subscription's end has a text, in every language. */
export const stagesCheck: Check<DatabaseContext> = {
  name: 'stages',
  kinds,
  async examine({ db }) {
    try {
      const { chain, suspension } = await readStages(db)
      const stages = [...chain, suspension]
      const findings = stages.flatMap((stage) => {
        const fault = faultOf(stage)
        return fault === undefined ? [] : [found('STAGE_TEMPLATE_FAULTY', { what: `${stage.name}: ${fault}` })]
      })
      return fineUnless(findings, `all ${stages.length} have a text in every language`)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('fleet.subscription_stages lacks')) throw error
      return { findings: [found('STAGES_MISSING', { what: error.message })] }
    }
  },
}

/** The first of all that is wrong with it. */
function faultOf({ template, beforeMs }: Stage): string | undefined {
  const toldAt = new Date()
  const common = { template, toldAt, endsAt: new Date(toldAt.getTime() + beforeMs - (beforeMs === 0 ? dayMs : 0)) }
  for (const locale of locales) {
    for (const entityType of entityTypes) {
      const names = { entityName: 'Name', companyName: 'Company', timezone: 'UTC', autoRenew: false }
      const notice = writeNotice({ ...common, ...names, locale, entityType })
      if ('fault' in notice) return `${notice.fault} (${locale})`
    }
  }
  return undefined
}
