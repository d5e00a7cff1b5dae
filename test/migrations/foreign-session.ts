import pg from 'pg'

/** Zones of sessions that other programs may write from: none, half an hour off and west, far east. */
export const foreignZones = ['UTC', 'America/St_Johns', 'Asia/Vladivostok'] as const

/** Runs `act` on a session as another program would have it, in that time zone, with nothing of the fleet's own settings. */
export async function inSession<T>(url: string, timeZone: string, act: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, options: `-c TimeZone=${timeZone}` })
  await client.connect()
  try {
    return await act(client)
  } finally {
    await client.end()
  }
}
