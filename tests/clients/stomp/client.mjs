// What an Angular application does, with the library that it uses: signs in, listens, says something and sees it come back, with
// receipts, acknowledgements, a transaction and heart-beats, in each version of STOMP.
//
//   node client.mjs ws://127.0.0.1:8080/ws/default TOKEN USERNAME PASSWORD CONVERSATION FOREIGN_CONVERSATION

import { Client, Versions } from '@stomp/stompjs';
import { WebSocket } from 'ws';
import assert from 'node:assert/strict';

const [url, token, username, password, conversation, foreign] = process.argv.slice(2);
const topic = `/topic/conversations/${conversation}`;
const app = `/app/conversations/${conversation}`;

setTimeout(() => { console.error('took too long'); process.exit(1); }, 60000).unref();

function open(version, headers, options = {}) {
  const client = new Client({
    brokerURL: url,
    webSocketFactory: () => new WebSocket(url, version.protocolVersions()),
    stompVersions: version,
    connectHeaders: headers,
    heartbeatIncoming: 2000,
    heartbeatOutgoing: 2000,
    reconnectDelay: 0,
    ...options,
  });
  return client;
}

function connected(client) {
  return new Promise((resolve, reject) => {
    client.onConnect = resolve;
    client.onStompError = (frame) => reject(new Error(frame.headers.message));
    client.activate();
  });
}

const receipt = (client, act) => new Promise((resolve) => {
  const id = crypto.randomUUID();
  client.watchForReceipt(id, resolve);
  act({ receipt: id });
});

/** Messages of a subscription, one after the other. */
function listen(client, destination, headers) {
  const waiting = [], come = [];
  const take = (message) => (waiting.length ? waiting.shift()(message) : come.push(message));
  const subscription = client.subscribe(destination, take, headers);
  const next = () => new Promise((resolve) => (come.length ? resolve(come.shift()) : waiting.push(resolve)));
  return { next, subscription };
}

const bearer = { Authorization: `Bearer ${token}` };
for (const [version, headers] of [[Versions.V1_0, bearer], [Versions.V1_1, bearer], [Versions.V1_2, { login: username, passcode: password }]]) {
  const client = open(new Versions([version]), headers);
  const frame = await connected(client);
  assert.equal(frame.headers.version, version);
  assert.equal(client.connectedVersion, version);
  const { next, subscription } = listen(client, topic, { ack: 'client-individual' });

  await receipt(client, (extra) => client.publish({
    destination: app, headers: { 'content-type': 'application/json', ...extra }, body: JSON.stringify({ content: `json ${version}: é\n` }),
  }));
  let message = await next();
  assert.equal(JSON.parse(message.body).body, `json ${version}: é\n`);
  assert.equal(message.headers.destination, topic);
  message.ack();

  client.publish({ destination: app, headers: { 'content-type': 'text/plain' }, body: `plain ${version}` });
  message = await next();
  assert.equal(JSON.parse(message.body).body, `plain ${version}`);
  message.ack();

  const transaction = client.begin();
  for (const number of [1, 2]) {
    client.publish({ destination: app, headers: { transaction: transaction.id, 'content-type': 'text/plain' }, body: `${number} of ${version}` });
  }
  transaction.commit();
  for (const number of [1, 2]) {
    message = await next();
    assert.equal(JSON.parse(message.body).body, `${number} of ${version}`);
    await receipt(client, (extra) => message.ack(extra));
  }
  await receipt(client, (extra) => subscription.unsubscribe(extra));
  await client.deactivate();
}

// Another's conversation: an error with the failed receipt, and the end.
const stranger = open(Versions.default, bearer);
await connected(stranger);
const failed = new Promise((resolve) => { stranger.onStompError = resolve; });
const closed = new Promise((resolve) => { stranger.onWebSocketClose = resolve; });
stranger.subscribe(`/topic/conversations/${foreign}`, () => assert.fail('nothing comes'), { receipt: 'r-1' });
const error = await failed;
assert.equal(error.headers.message, 'destination not found');
assert.equal(error.headers['receipt-id'], 'r-1');
assert.equal((await closed).code, 4202);
await stranger.deactivate();

// A wrong password.
const wrong = open(Versions.default, { login: username, passcode: 'wrong' });
await assert.rejects(connected(wrong), /sign in/);
await wrong.deactivate();
console.log('all is well');
process.exit(0);
