// page-check.mjs URL ADMIN AUDITOR SHOTS: drives the auditors' page with Chromium, and asks axe about each.
// Needs playwright-core and axe-core from the directory that it is run in, and /usr/bin/chromium.
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const [url, admin, auditor, shots] = process.argv.slice(2);

const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'page-')), {
  executablePath: '/usr/bin/chromium',
  headless: true,
  bypassCSP: true, // axe is a script, and the page allows none; that is asserted apart
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = browser.pages()[0];
const wrong = [];
page.on('pageerror', (error) => wrong.push(`error: ${error}`));
page.on('console', (line) => line.type() === 'error' && wrong.push(`console: ${line.text()}`));

async function look(name) {
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run());
  const grave = found.violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  console.log(`${name}: ${found.passes.length} rules passed, ${found.violations.length} violated`);
  for (const { id, impact, nodes } of found.violations) {
    console.log(`  ${impact} ${id}: ${nodes.map((node) => node.html).slice(0, 3).join(' ')}`);
  }
  assert.equal(grave.length, 0, `${name}: serious findings of axe`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${name}: ${wide} pixels wider than the window`);
}

async function logIn(key) {
  await page.goto(`${url}/`);
  assert.equal(new URL(page.url()).pathname, '/login');
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Timeline' }).waitFor();
}

async function rollBack() {
  await page.goto(`${url}/transactions/tx2`);
  await page.getByRole('link', { name: 'Rehearse a rollback' }).click();
  await page.getByText('Nothing is in the way.').waitFor();
}

await page.setViewportSize({ width: 1100, height: 800 });
await page.goto(`${url}/`);
await look('login');
await page.getByLabel('API key').fill('nobody');
await page.getByRole('button', { name: 'Log in' }).click();
await page.getByText('Nobody has this key.').waitFor();
await look('login-wrong');
wrong.length = 0; // the 401 is told on the console

await logIn(auditor);
await look('timeline');
await rollBack();
await page.getByText('your key may only read').waitFor();
assert.equal(await page.getByRole('button', { name: /Roll back/ }).count(), 0);
await look('rehearsal-auditor');
await page.getByRole('button', { name: 'Log out' }).click();

await logIn(admin);
assert.ok((await page.locator('.timeline li').count()) >= 3);
await page.getByText('Filter the timeline').click();
await page.getByLabel('Outcome').selectOption('aborted');
await page.getByRole('button', { name: 'Filter' }).click();
await page.getByText('root-exists').first().waitFor();
assert.equal(await page.locator('.timeline .badge').filter({ hasText: 'committed' }).count(), 0);
await look('timeline-filtered');
await page.getByRole('link', { name: 'Clear' }).click();
await page.getByRole('link', { name: /^tx2 / }).click();
await page.getByRole('heading', { name: /tx2 import/ }).waitFor();
await look('transaction');
await page.locator('tbody a').first().click();
await page.getByRole('heading', { name: /History of/ }).waitFor();
await look('history');
await page.getByRole('link', { name: 'State' }).click();
await page.getByRole('link', { name: 'Verify the journal' }).click();
await page.getByText('The journal is what it was').waitFor();
await look('state');
await page.goto(`${url}/transactions/tx3`);
await look('transaction-aborted');

await rollBack();
await look('rehearsal');
// Without the tick the browser itself keeps the form.
await page.getByRole('button', { name: 'Roll back tx2' }).click();
assert.ok(page.url().endsWith('/rollback'));
// By keyboard alone: a tick, and the button after it.
await page.getByLabel('I have seen what it would do').focus();
await page.keyboard.press('Space');
await page.keyboard.press('Tab');
await page.keyboard.press('Enter');
await page.getByRole('status').getByText('the old tree is back').waitFor();
await look('rolled-back');
assert.deepEqual(wrong, []);

await page.emulateMedia({ colorScheme: 'dark' });
for (const [name, path] of [['timeline', '/'], ['transaction', '/transactions/tx2'], ['state', '/state'], ['transaction-aborted', '/transactions/tx3']]) {
  await page.goto(url + path);
  await look(`${name}-dark`);
}
await page.setViewportSize({ width: 360, height: 740 });
await page.emulateMedia({ colorScheme: 'light' });
for (const [name, path] of [['timeline', '/'], ['transaction', '/transactions/tx2'], ['state', '/state'], ['history', '/history'], ['rehearsal', '/transactions/tx4/rollback']]) {
  await page.goto(url + path);
  await look(`${name}-phone`);
}
await browser.close();

// As visitors have it: with its policy, and without scripts.
const plain = await chromium.launch({
  executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const visitor = await plain.newPage({ javaScriptEnabled: true });
const blocked = [];
visitor.on('console', (line) => blocked.push(line.text()));
await visitor.goto(`${url}/login`);
await visitor.addScriptTag({ content: 'window.ran = true' }).catch(() => {});
assert.equal(await visitor.evaluate(() => window.ran), undefined, 'the policy lets a script run');
await plain.close();
console.log('the page: as expected');
