// SPDX-License-Identifier: Apache-2.0
// Node's tls module as a peer: a client that has its words echoed, and a server that echoes.
'use strict';

const fs = require('fs');
const tls = require('tls');

const [role, ...words] = process.argv.slice(2);
const options = { '-times': '1' };
for (let i = 0; i + 1 < words.length; i += 2) options[words[i]] = words[i + 1];

function settings() {
  const made = { minVersion: `TLSv${options['-version']}`, maxVersion: `TLSv${options['-version']}` };
  if (options['-cert']) {
    made.cert = fs.readFileSync(options['-cert']);
    made.key = fs.readFileSync(options['-key']);
  }
  if (options['-ca']) made.ca = fs.readFileSync(options['-ca']);
  if (options['-alpn']) made.ALPNProtocols = [options['-alpn']];
  return made;
}

function once(spoken, session) {
  return new Promise((resolve, reject) => {
    const [host, port] = options['-address'].split(':');
    const s = tls.connect({ ...settings(), host, port, servername: options['-name'], session });
    let kept;
    let echo = Buffer.alloc(0);
    s.setTimeout(60000, () => s.destroy(new Error('silence')));
    s.on('error', reject);
    s.on('session', (given) => { kept = given; });
    s.on('secureConnect', () => s.write(spoken));
    s.on('data', (got) => {
      echo = Buffer.concat([echo, got]);
      if (echo.length >= spoken.length) s.end();
    });
    s.on('close', () => {
      if ((s.alpnProtocol || '') !== (options['-alpn'] || '')) reject(new Error('another ALPN protocol'));
      else if (echo.length < spoken.length) reject(new Error('closed too early'));
      process.stdout.write(echo);
      resolve(kept);
    });
  });
}

async function client() {
  const spoken = fs.readFileSync(0);
  let session;
  for (let i = 0; i < Number(options['-times']); ++i) session = await once(spoken, session);
}

function server() {
  const asked = options['-ca'] ? { requestCert: true, rejectUnauthorized: true } : {};
  const made = tls.createServer({ ...settings(), ...asked }, (s) => {
    s.on('error', () => {}); // of one client; the test looks at the other side
    s.pipe(s);
  });
  made.on('tlsClientError', () => {});
  made.listen(Number(options['-address'].split(':')[1]), '127.0.0.1');
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0)); // ends with whoever started it
}

if (role === 'server') {
  server();
} else {
  client().catch((trouble) => {
    console.error(trouble.message);
    process.exitCode = 1;
  });
}
