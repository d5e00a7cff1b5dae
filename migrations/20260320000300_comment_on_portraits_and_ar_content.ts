import { type Kysely, sql } from 'kysely'

/**
 * What portraits, videos, AR content and visits hold, table by table and column by column.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on each table, briefly; readers and writers go on.
 */

const tables = {
  'public.portraits': {
    '': 'Pictures that come alive with a video when a camera sees them.',
    id: 'Number of the portrait.',
    unique_id: 'What addresses call it by, so that nobody can guess the next one.',
    company_id: 'The company that it belongs to.',
    client_id: 'The client whom it shows or was made for; NULL where that is not known.',
    folder_id: 'The folder that it is filed in; NULL where it is in none.',
    file_path: 'Where the file that was uploaded lies.',
    public_url: 'Address that it is shown at; NULL where it is not.',
    image_path: 'Where its picture lies.',
    image_url: 'Address of its picture.',
    thumbnail_path: 'Where the small picture lies.',
    status: 'active, inactive or archived.',
    subscription_end:
      'When its subscription ends, in UTC; NULL for no end. A later date takes back the notices that no longer hold.',
    lifecycle_status: 'active, expiring, expired or suspended.',
    notified_7d: 'True when the notice of seven days before the end was made.',
    notified_24h: 'True when the notice of 24 hours before the end was made.',
    notified_expired: 'True when the notice of the end was made.',
    marker_path: 'Where the marker of MindAR lies, by which a camera knows the picture.',
    marker_url: 'Address of the marker.',
    marker_status: 'How far the making of the marker is: pending and others.',
    storage_connection_id: 'Where its files are kept; NULL for the company’s connection.',
    storage_folder_id: 'The folder that its files lie in; NULL where that is not known.',
    created_at: 'When the row was inserted.',
    updated_at: 'When the row was changed last; kept by a trigger.',
  },
  'public.videos': {
    '': 'Videos that portraits play.',
    id: 'Number of the video.',
    portrait_id: 'The portrait that plays it.',
    file_path: 'Where the file that was uploaded lies.',
    public_url: 'Address that it is played from; NULL where it is not.',
    video_path: 'Where the video made ready for playing lies.',
    video_url: 'Address of the video made ready for playing.',
    thumbnail_url: 'Address of a small picture of it.',
    title: 'Title that people see.',
    duration: 'Length in seconds.',
    width: 'Width in pixels.',
    height: 'Height in pixels.',
    size_bytes: 'Size of the file in bytes.',
    mime_type: 'Media type of the file, such as video/mp4.',
    status: 'active, or another word for a video that is not to be played.',
    is_active: 'False where it is not to be played; set when its window opens and when it closes.',
    schedule_start: 'Not played before this time, in UTC; NULL for no such limit.',
    schedule_end: 'Not played from this time on, in UTC; NULL for no such limit.',
    rotation_type: 'How videos take turns; NULL where they do not.',
    rotation_order: 'Its turn, lowest first.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
  },
  'public.ar_content': {
    '': 'What visitors look at through a camera: a picture with its marker, its videos and a count of views.',
    id: 'Number of the content.',
    project_id: 'The project that it belongs to.',
    company_id: 'The company that it belongs to.',
    unique_id: 'What addresses call it by, so that nobody can guess the next one.',
    title: 'Title that people see.',
    description: 'What it is about.',
    client_name: 'Name of whom it was made for.',
    client_phone: 'Telephone number of whom it was made for, as it was typed.',
    client_email: 'E-mail address of whom it was made for.',
    image_path: 'Where its picture lies.',
    image_url: 'Address of its picture.',
    thumbnail_url: 'Address of a small picture.',
    marker_path: 'Where the marker of MindAR lies, by which a camera knows the picture.',
    marker_url: 'Address of the marker.',
    marker_status: 'How far the making of the marker is: pending and others.',
    marker_generated_at: 'When the marker was made, in UTC; NULL before.',
    active_video_id: 'The video that plays now; NULL where none does.',
    video_rotation_enabled: 'True where its videos take turns by video_rotation_schedules.',
    video_rotation_type: 'How they do; NULL where they do not.',
    is_active: 'False where visitors do not see it, as when its project has expired.',
    published_at: 'When visitors could see it first, in UTC; NULL before.',
    expires_at: 'When visitors see it no longer, in UTC; NULL for no end.',
    qr_code_path: 'Where its QR code lies.',
    qr_code_url: 'Address of its QR code.',
    views_count: 'How often it was looked at: what the platform has counted before fleet came, and each visit since.',
    last_viewed_at: 'When it was looked at last, in UTC; NULL before the first time.',
    metadata: 'Whatever else the platform keeps about it.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
  },
  'public.video_rotation_schedules': {
    '': 'When the video of AR content changes, and to which.',
    id: 'Number of the schedule.',
    ar_content_id: 'The content whose videos take turns.',
    rotation_type:
      'daily, weekly or monthly, in the order of the sequence; or random. When, cron_expression says where it is given.',
    time_of_day: 'When on such a day, in UTC; NULL for 09:00.',
    day_of_week: 'For weekly: 1 for Monday to 7 for Sunday.',
    day_of_month: 'For monthly: 1 to 31, or the last day of a shorter month.',
    cron_expression: 'The times as a cron expression in UTC; NULL where the other columns say them.',
    video_sequence: 'Numbers of the videos in the order of their turns.',
    current_index: 'Place in video_sequence of the video that plays now, from 0.',
    is_active: '1 where it is in force, 0 where it is not.',
    last_rotation_at: 'When the video changed last, in UTC; NULL before the first time.',
    next_rotation_at: 'When the video changes next, in UTC; NULL where that is to be worked out, within a minute.',
    created_at: 'When the row was inserted, in UTC.',
  },
  'public.ar_view_sessions': {
    '': 'Each visit to AR content.',
    id: 'Number of the visit.',
    ar_content_id: 'The content that was looked at.',
    project_id: 'The project of the content.',
    company_id: 'The company of the content.',
    session_id: 'What the visitor’s browser calls the visit.',
    user_agent: 'What the browser says of itself.',
    device_type: 'mobile, tablet or desktop, as the platform guesses.',
    browser: 'The browser, as the platform guesses.',
    os: 'The operating system, as the platform guesses.',
    ip_address: 'The visitor’s IP address, as text.',
    country: 'The visitor’s country by IP address; NULL where that is not known.',
    city: 'The visitor’s city by IP address; NULL where that is not known.',
    duration_seconds: 'How long the visit lasted, in seconds; NULL where its end was not seen.',
    tracking_quality: 'How well the camera held the picture, in the platform’s words.',
    video_played: 'True where the video was played.',
    created_at: 'When the visit began, in UTC; NULL where the platform did not say.',
  },
}

export async function up(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, true)`.execute(db)
  }
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, false)`.execute(db)
  }
}
