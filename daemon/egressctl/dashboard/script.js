"use strict";
// What this page shows comes from a hostile place: it is set as text, never as markup.

const POLL_MS = 2000;
const ROWS_MAX = 200;
const HOUR_S = 3600;
const SVG = "http://www.w3.org/2000/svg";
const BAR = { pitch: 10, width: 8, height: 78 };

const lines = new Map(); // id -> what was refused, as `log` has it, and when we heard it
let daemon = {};         // which one we heard it from
let after = 0;           // what it has told so far

const $ = id => document.getElementById(id);

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function show(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function showRest(id, count) {
  $(id).hidden = count <= 0;
  show(id, `and ${count} more: see egressctl`);
}

// What is there is replaced only when they say something else: a selection, or a reader's place, stays.
function fill(id, rows) {
  const key = rows.map(made => made.textContent).join("\n");
  if ($(id).dataset.key === key) return;
  $(id).dataset.key = key;
  $(id).replaceChildren(...rows);
}

function plural(count, one) {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < HOUR_S) return `${Math.floor(s / 60)} min`;
  if (s < 24 * HOUR_S) return `${Math.floor(s / HOUR_S)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 24 / HOUR_S)} d`;
}

// --- the state ----------------------------------------------------------------------------------

const STATES = {
  enforcing: ["enforcing", "good"],
  auditing: ["auditing: nothing is refused", "warn"],
  starting: ["starting", "warn"],
  "invalid-policy": ["invalid policy: all is refused", "bad"],
  failed: ["failed", "bad"],
  refused: ["refused", "bad"],
};

function showState(name, howLong) {
  const [text, className] = STATES[name] || [name, "bad"];
  show("state", text);
  $("state").className = `pill ${className}`;
  show("for", howLong);
}

function showNotices(notices) {
  const key = JSON.stringify(notices);
  if ($("notices").dataset.key === key) return;
  $("notices").dataset.key = key;
  $("notices").replaceChildren(...notices.map(([className, text]) =>
    element("p", `notice ${className}`, text)));
}

function noticesOf(status) {
  const notices = [];
  if (status.reason) notices.push(["bad", status.reason]);
  if (status.reload_error) notices.push(["bad", `The last reload was refused: ${status.reload_error}`]);
  if (status.kernel && status.kernel.tampering)
    notices.push(["bad", `Somebody changed the kernel's table: ${status.kernel.tampering.what}`]);
  if (status.pending)
    notices.push(["", "The workspace's policy has changed since it was pinned: egressctl status shows how, " +
      "and egressctl apply adopts it as root."]);
  return notices;
}

function showWeaknesses(weaknesses) {
  $("weaknesses").hidden = weaknesses.length === 0;
  show("weakness-count", `${plural(weaknesses.length, "thing")} here could weaken the protection`);
  fill("weakness-list", weaknesses.map(text => element("li", "", text)));
}

// --- what is allowed ----------------------------------------------------------------------------

function cell(text, className) {
  return element("td", className, text);
}

function row(...cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}

function portsOf(entry) {
  const ports = (entry.ports || []).join(" ");
  return ports === "* */udp" ? "every port" : ports;
}

function sourceOf(entry) {
  return entry.file ? `${entry.file}:${entry.line}` : "";
}

function groupCell(name, entries) {
  const made = cell();
  const hosts = element("details");
  const list = element("ul");
  hosts.append(element("summary", "", `@${name}: ${entries.length}`), list);
  list.append(...entries.map(entry => element("li", "", `${entry.host} ${portsOf(entry)}`)));
  made.append(hosts);
  return made;
}

// A group is one row, of all its entries.
function rowsOf(entries) {
  const rows = new Map();
  for (const entry of entries) {
    const key = entry.group ? `${entry.list} @${entry.group} ${sourceOf(entry)}` : rows.size;
    if (!rows.has(key)) rows.set(key, []);
    rows.get(key).push(entry);
  }
  return [...rows.values()].map(same => {
    const first = same[0];
    const host = first.group ? groupCell(first.group, same) : cell(first.host);
    if (first.list === "deny") host.append(element("span", "tag", "denied"));
    return row(host, cell(first.group ? "" : portsOf(first)), cell(sourceOf(first)));
  });
}

function showEntries(status) {
  const entries = status.entries || [];
  const rows = rowsOf(entries);
  show("entry-count", String(entries.filter(entry => entry.list === "allow").length));
  fill("entries", rows.slice(0, ROWS_MAX));
  showRest("entries-rest", rows.length - ROWS_MAX);
}

function addressesOf(name) {
  const addresses = name.addresses || [];
  if (addresses.length === 0) return name.last_error || "–";
  const shown = addresses.slice(0, 4).map(address => address.address).join(" ");
  return addresses.length > 4 ? `${shown} +${addresses.length - 4}` : shown;
}

function timeLeft(name) {
  const left = Math.max(0, ...(name.addresses || []).map(address => address.left_s));
  return left > 0 ? duration(left) : "–";
}

function showNames(status) {
  const names = status.names || [];
  const more = status.names_left_out || 0;
  $("names-none").hidden = names.length > 0;
  $("names-table").hidden = names.length === 0;
  show("name-count", String(names.length + more));
  show("lease-count", String(status.leases || 0));
  fill("names", names.slice(0, ROWS_MAX).map(name =>
    row(cell(name.name), cell(name.state || "leased"), cell(addressesOf(name), "text"),
      cell(timeLeft(name)))));
  showRest("names-rest", Math.max(0, names.length - ROWS_MAX) + more);
}

function showStatus(status) {
  showState(status.state, `for ${duration(status.since_s)}`);
  showNotices(noticesOf(status));
  showWeaknesses(status.weaknesses || []);
  showEntries(status);
  showNames(status);
  show("version", status.version);
  if (status.policy && status.policy.devcontainer) show("where", status.policy.devcontainer);
}

// --- what was refused ---------------------------------------------------------------------------

function showMode(mode) {
  const isAudit = mode === "audit";
  show("refused-title", isAudit ? "Would be refused" : "Refused");
  show("hour-what", isAudit ? "would be refused, last hour" : "refused in the last hour");
}

function showHour(hour) {
  const most = Math.max(...hour, 1);
  const total = hour.reduce((sum, count) => sum + count, 0);
  show("refused-hour", String(total));
  show("most", total > 0 ? `most in a minute: ${most}` : "");
  $("hour").setAttribute("aria-label", total === 0 ? "Nothing was refused in the last hour." :
    `${plural(total, "refusal")} in the last hour, at most ${most} in a minute, ${hour[hour.length - 1]} in the last.`);
  $("hour").replaceChildren(...hour.map((count, i) => {
    const bar = document.createElementNS(SVG, "rect");
    const height = count > 0 ? Math.max(4, BAR.height * count / most) : 2;
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${plural(count, "refusal")}, ${plural(hour.length - 1 - i, "minute")} ago`;
    bar.setAttribute("x", i * BAR.pitch + 1);
    bar.setAttribute("y", 80 - height);
    bar.setAttribute("width", BAR.width);
    bar.setAttribute("height", height);
    if (count === 0) bar.setAttribute("class", "none");
    bar.append(title);
    return bar;
  }));
}

function targetOf(line) {
  const address = line.address && line.address.includes(":") ? `[${line.address}]` : line.address;
  const host = line.name || address || "?";
  return line.port ? `${host}:${line.port}` : host;
}

function whoOf(line) {
  const who = [];
  if (line.kind === "question") who.push("its name was asked");
  if (line.name && line.address) who.push(line.address);
  if (line.protocol && line.kind !== "question") who.push(line.protocol);
  if (line.names_more > 0) who.push(`or ${plural(line.names_more, "other name")} of this address`);
  if (line.user || line.uid !== null) who.push(`by ${line.user || `user ${line.uid}`}`);
  if (line.command || line.process) who.push(line.command || line.process);
  if (line.via === "forward") who.push("from a container inside this one");
  return who.join(" · ");
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // In a frame that may not: the old way, or at least select it.
    getSelection().selectAllChildren(button.previousSibling);
    if (!document.execCommand("copy")) return;
  }
  button.textContent = "Copied";
  show("news", `Copied ${text}`);
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

// As it stands in a list: a comma behind the last entry does no harm.
function fixOf(entry) {
  const text = `${JSON.stringify(entry)},`;
  const fix = element("div", "fix");
  const button = element("button", "", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy the line that allows ${entry}`);
  button.addEventListener("click", () => copy(text, button));
  fix.append(element("code", "", text), button);
  return fix;
}

function itemOf(line) {
  const item = element("li");
  const host = element("span", "host", targetOf(line));
  const suggestion = line.suggestion || {};
  if (line.verdict === "would-refuse") host.append(element("span", "tag", "let through"));
  item.dataset.id = line.id;
  item.append(host, element("span", "times"), element("span", "reason", line.reason || ""),
    element("span", "who", whoOf(line)));
  if (suggestion.note) item.append(element("span", "note", suggestion.note));
  if (suggestion.entry) item.append(fixOf(suggestion.entry));
  return item;
}

function ageOf(line) {
  return line.last_ago_s + (performance.now() - line.heard) / 1000;
}

// A line keeps its element, and so its focus, as long as it says the same.
function showRefused() {
  for (const [id, line] of lines)
    if (ageOf(line) > HOUR_S) lines.delete(id);
  const recent = [...lines.values()].sort((a, b) => ageOf(a) - ageOf(b) || b.id - a.id);
  const shown = recent.slice(0, ROWS_MAX);
  for (const line of shown) {
    line.item = line.item || itemOf(line);
    line.item.children[1].textContent = `${line.count > 1 ? `${line.count} times, last ` : ""}${duration(ageOf(line))} ago`;
  }
  const list = $("refused");
  const items = shown.map(line => line.item);
  const focused = document.activeElement;
  if (items.length !== list.children.length || items.some((item, i) => item !== list.children[i])) {
    list.replaceChildren(...items);
    if (list.contains(focused)) focused.focus({ preventScroll: true });
  }
  $("refused-none").hidden = recent.length > 0;
  $("refused-how").hidden = !recent.some(line => line.suggestion && line.suggestion.entry);
  showRest("refused-rest", recent.length - ROWS_MAX);
}

// What was refused too, and does not stand in the list.
function showUntold(log) {
  const told = [];
  if (log.untold === null) told.push("The kernel tells of no refused packets here, so only names are listed.");
  if (log.untold > 0) told.push(`${plural(log.untold, "refused packet")} came too fast to be listed.`);
  if (log.forgotten > 0) told.push(`${plural(log.forgotten, "older line")} had to be forgotten.`);
  show("untold", told.join(" "));
}

function sameText(a, b) {
  return targetOf(a) === targetOf(b) && whoOf(a) === whoOf(b) && a.reason === b.reason &&
    JSON.stringify(a.suggestion) === JSON.stringify(b.suggestion);
}

function hear(log) {
  const news = [];
  const isFirst = after === 0;
  after = log.next;
  for (const line of log.entries) {
    const before = lines.get(line.id);
    if (line.kind === "grant") continue;
    line.heard = performance.now();
    if (before && sameText(before, line)) line.item = before.item;
    if (!before) news.push(targetOf(line));
    lines.set(line.id, line);
  }
  if (news.length > 0 && !isFirst) show("news", `Refused: ${news.slice(-3).join(", ")}`);
  showMode(log.mode);
  showHour(log.hour);
  showUntold(log);
}

// --- asking -------------------------------------------------------------------------------------

async function ask(path) {
  const answer = await (await fetch(path)).json();
  if (!answer.ok) throw new Error(answer.error || "egressd refused to answer");
  return answer;
}

// Another daemon's lines are not this one's; another policy suggests other things.
function forgetOthers(status) {
  const now = { pid: status.pid, reloads: status.counters && status.counters.reloads, since_s: status.since_s };
  const isSame = now.pid === daemon.pid && now.reloads === daemon.reloads && now.since_s >= daemon.since_s;
  daemon = now;
  if (isSame) return;
  after = 0;
  lines.clear();
}

async function look() {
  try {
    const status = await ask("/status.json");
    forgetOthers(status);
    showStatus(status);
    hear(await ask(`/log.json?after=${after}`));
  } catch (error) {
    showState("no answer", "");
    showNotices([["bad", error instanceof TypeError ?
      "The dashboard has ended: start it again with egressctl dashboard." : error.message]]);
  }
  showRefused();
}

async function run() {
  if (!document.hidden) await look();
  setTimeout(run, POLL_MS);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
run();
