/** Writes docs/operations/doctor.md from what the checks say of themselves. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderDoctorPage } from './doctor-page.ts'

writeFileSync(join(import.meta.dirname, '../docs/operations/doctor.md'), renderDoctorPage())
