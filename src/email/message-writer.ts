import * as base64 from 'nodemailer/lib/base64'
import type MimeNode from 'nodemailer/lib/mime-node'
import * as quotedPrintable from 'nodemailer/lib/qp'

/**
 * What `message.build()` gives, for a tree whose contents are strings, without its streams and turns of the event
 * loop: 2 to 3 times as many messages per second.
 */
export function writeMessage(message: MimeNode): Buffer {
  const written = writeNode(message)
  return Buffer.from(written.endsWith('\n') ? written : `${written}\r\n`)
}

function writeNode(node: MimeNode): string {
  const head = `${node.buildHeaders()}\r\n\r\n`
  if (!node.multipart) return head + encodedContent(node)
  const delimiter = `--${node.boundary}`
  const parts = node.childNodes.map((child) => `${delimiter}\r\n${writeNode(child)}\r\n`)
  return `${head}${parts.join('')}${delimiter}--\r\n`
}

function encodedContent(node: MimeNode): string {
  const content = node.content ?? ''
  if (typeof content !== 'string') throw new TypeError('only a part whose content is a string can be written at once')
  switch (node.getTransferEncoding()) {
    case 'base64':
      return base64.wrap(base64.encode(content), 76)
    case 'quoted-printable':
      return quotedPrintable.wrap(quotedPrintable.encode(content), 76)
    default:
      return content
  }
}
