// @ts-check
import { word } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

const OUTCOMES = ["ejected", "picked", "passed", "missed", "unknown"];
const TREND_S = 120;
const TREND_BIN_S = 4;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @param {Snapshot} snapshot
 * @param {boolean} stale
 */
export function showHeader(snapshot, stale) {
  document.title = `${snapshot.simulated ? "[SIMULATED] " : ""}${snapshot.line} – Senbetsu`;
  element("line").textContent = snapshot.line;
  const state = element("state-word");
  state.removeAttribute("data-word");
  state.textContent = stale ? word("NO DATA") : word(snapshot.state).toUpperCase();
  element("reason").textContent = stale ? `${word("last known state")}: ${word(snapshot.state)}` : snapshot.reason;
  element("state").classList.toggle("abnormal", stale || snapshot.reason !== "");
  element("simulated").hidden = !snapshot.simulated;
  element("simulated-parts").textContent = snapshot.simulated_parts.join(", ");
  const list = snapshot.alarms.map((alarm) => {
    const row = document.createElement("li");
    row.append(tagged("strong", `▲ ${alarm.code}`), ` ${alarm.text} `, tagged("span", duration(alarm.since_s), "note"));
    return row;
  });
  element("alarm-list").replaceChildren(...(list.length > 0 ? list : [tagged("li", word("none"), "note")]));
  element("alarms").classList.toggle("abnormal", list.length > 0);
}

/** @param {Snapshot} snapshot */
export function showFigures(snapshot) {
  element("parts-per-s").textContent = snapshot.parts_per_s.toFixed(1);
  showTrend(snapshot);
  element("basis").textContent = word(snapshot.basis);
  fill("purity", Object.entries(snapshot.purity).flatMap(([name, share]) => shareRows(name, share, snapshot.purity_floor[name])));
  fill("recovery", Object.entries(snapshot.recovery).flatMap(([name, share]) => shareRows(name, share)));
  showAccount(snapshot);
  showMachine(snapshot);
}

/** @param {Snapshot} snapshot */
function showAccount(snapshot) {
  const ended = Object.values(snapshot.outcomes).reduce((sum, count) => sum + count, 0);
  const extra = Object.keys(snapshot.outcomes).filter((name) => !OUTCOMES.includes(name));
  const rows = [...OUTCOMES, ...extra].map((name) => countRow(name, snapshot.outcomes[name] ?? 0, snapshot.seen));
  rows.push(countRow("on the belt", snapshot.seen - ended, snapshot.seen));
  const total = countRow("seen", snapshot.seen, snapshot.seen);
  total.classList.add("total");
  if (ended > snapshot.seen) {
    total.classList.add("abnormal");
    total.append(tagged("td", `▲ ${word("does not add up")}`));
  }
  fill("outcomes", [...rows, total]);
  const missed = Object.entries(snapshot.missed_by_reason).filter(([, count]) => count > 0);
  fill("missed", missed.length > 0 ? missed.map(([name, count]) => countRow(name, count, snapshot.seen)) : [row(word("none"), "")]);
}

/** @param {Snapshot} snapshot */
function showMachine(snapshot) {
  const links = Object.entries(snapshot.links).map(([name, link]) => {
    const bad = link.state !== "connected";
    const detail = `${link.reason ? `${link.reason}; ` : ""}${word("reconnects")} ${count(link.reconnects)}`;
    return row(`${name.toUpperCase()} ${word("link")}`, `${bad ? "▲ " : ""}${word(link.state)}`, detail, bad);
  });
  const camera = snapshot.camera;
  const bad = camera.state !== "ok";
  const frames =
    `${word("frames captured")} ${count(camera.frames_captured)}, ` +
    `${word("processed")} ${count(camera.frames_processed)}, ${word("dropped")} ${count(camera.frames_dropped)}`;
  const { p50_ms, p99_ms } = snapshot.latency;
  fill("devices", [
    ...links,
    row(word("Camera"), `${bad ? "▲ " : ""}${word(camera.state)}`, frames, bad),
    ...visionRows(snapshot),
    calibrationRow(snapshot),
    row(word("Latency"), `p50 ${milliseconds(p50_ms)}`, `p99 ${milliseconds(p99_ms)}, ${word("frame to order")}`),
    ...shadowRows(snapshot),
    row(word("Belt speed"), `${(snapshot.speed_mm_s / 1000).toFixed(2)} m/s`, `${word("Uptime")} ${duration(snapshot.uptime_s)}`),
  ]);
}

/** In the row of a healthy picture, in this order; any other figure appears when its limit is not kept. */
const ALWAYS_SHOWN = ["focus", "too_dark", "unknown_rate", "class_mix"];

/** @type {Record<string, string>} */
const METRIC_NAMES = {
  too_dark: "brightness", too_bright: "brightness", motion_blur: "motion sharpness", patch_drift: "patch drift",
  stale_frames: "stale frames", unknown_rate: "unknown", class_mix: "mix drift", parts_per_frame: "parts in view",
};

/** @param {Snapshot} snapshot */
function visionRows(snapshot) {
  const metrics = Object.entries(snapshot.vision);
  if (metrics.length === 0) {
    return [];
  }
  const broken = metrics.filter(([, metric]) => metric.state === "warn" || metric.state === "alarm");
  const shown = broken.length > 0 ? broken : metrics.filter(([name]) => ALWAYS_SHOWN.includes(name));
  const detail = shown.map(([name, metric]) => `${word(METRIC_NAMES[name] ?? name)} ${metricText(name, metric.value)}`);
  const learning = metrics.some(([name, metric]) => ALWAYS_SHOWN.includes(name) && metric.state === "learning");
  const state = broken.some(([, metric]) => metric.state === "alarm") ? "alarm" : broken.length > 0 ? "warning" : "ok";
  const said = state !== "ok" ? `▲ ${word(state)}` : word(learning ? "learning" : "ok");
  return [row(word("Picture"), said, detail.join(", "), state !== "ok")];
}

/**
 * @param {string} name
 * @param {number | null} value
 */
function metricText(name, value) {
  if (value === null) {
    return "–";
  }
  if (name === "class_mix") {
    return value.toFixed(2);
  }
  return name === "patch_drift" || name === "parts_per_frame" ? value.toFixed(0) : `${(100 * value).toFixed(0)} %`;
}

/**
 * How far what was measured may be off, against what was allowed at start, and the files that say so.
 * @param {Snapshot} snapshot
 */
function calibrationRow({ calibration }) {
  if (calibration.length === 0) {
    return row(word("Calibration"), word("none"), word("nominal values"));
  }
  const over = calibration.filter((error) => error.value > error.limit);
  const errors = calibration.map(({ what, value, limit, unit }) => `${word(what)} ${precise(value)} ${unit} (≤ ${limit} ${unit})`);
  const files = new Set(calibration.map(({ file, version, created }) => `${file} ${word("version")} ${version}, ${created}`));
  const said = over.length > 0 ? `▲ ${word("beyond its limit")}` : word("ok");
  return row(word("Calibration"), said, `${errors.join(", ")}; ${[...files].join("; ")}`, over.length > 0);
}

/**
 * A shadow model decides nothing: how often it says the same, and what it would have sent elsewhere.
 * @param {Snapshot} snapshot
 */
function shadowRows({ shadow }) {
  if (shadow === null) {
    return [];
  }
  if (shadow.error !== "") {
    return [row(word("Shadow model"), `▲ ${word("not running")}`, shadow.error, true)];
  }
  const agreed = shadow.compared > 0 ? shadow.agreed / shadow.compared : null;
  const most = shadow.differences.slice(0, 3).map(([ours, theirs, pieces]) => `${ours} → ${theirs} ${count(pieces)}`);
  const gain = signed(shadow.gain_if_new_is_right_jpy);
  const loss = signed(-shadow.loss_if_old_is_right_jpy);
  const detail =
    `${shadow.name} ${shadow.version}: ${word("compared")} ${count(shadow.compared)}, ` +
    `${word("to another outlet")} ${count(shadow.rerouted)}` +
    (shadow.rerouted > 0 ? ` (${gain} JPY ${word("if it is right")}, ${loss} JPY ${word("if the line's model is")})` : "") +
    (shadow.without_mass.length > 0 ? `; ${word("not in the recipe, worth nothing here")}: ${shadow.without_mass.join(", ")}` : "") +
    (most.length > 0 ? `; ${most.join(", ")}` : "");
  return [row(word("Shadow model"), `${word("same answer")} ${percent(agreed)}`, detail)];
}

/** @type {{uptimeS: number, seen: number}[]} */
let history = [];

/**
 * Parts a second over the last two minutes, from the counts that this page has seen.
 * @param {Snapshot} snapshot
 */
function showTrend(snapshot) {
  const last = history.at(-1);
  if (last !== undefined && (snapshot.uptime_s < last.uptimeS || snapshot.seen < last.seen)) {
    history = []; // the runtime has started again
  }
  if (history.length === 0 || snapshot.uptime_s - history[history.length - 1].uptimeS >= TREND_BIN_S) {
    history.push({ uptimeS: snapshot.uptime_s, seen: snapshot.seen });
  }
  history = history.filter((point) => point.uptimeS >= snapshot.uptime_s - TREND_S - TREND_BIN_S);
  const rates = history.slice(1).map((point, index) => {
    const before = history[index];
    return { agoS: snapshot.uptime_s - point.uptimeS, rate: (point.seen - before.seen) / (point.uptimeS - before.uptimeS) };
  });
  const most = Math.max(1, ...rates.map((point) => point.rate));
  const points = rates.map((point) => `${TREND_S - point.agoS},${(30 - (28 * point.rate) / most).toFixed(1)}`);
  const line = /** @type {SVGPolylineElement} */ (document.querySelector("#trend polyline"));
  line.setAttribute("points", points.join(" "));
  element("trend-note").textContent = `${word("parts/s, last 2 minutes")}${rates.length > 0 ? ` (0–${most.toFixed(1)})` : ""}`;
}

/**
 * @param {string} name
 * @param {number | null} share
 * @param {number} [floor]
 */
function shareRows(name, share, floor) {
  const meter = tagged("div", "", "meter");
  const filled = tagged("div", "", "filled");
  filled.style.width = `${100 * (share ?? 0)}%`;
  meter.append(filled);
  const bar = tagged("td", "", "bar");
  bar.append(meter);
  const rows = [row(name, percent(share))];
  rows[0].append(bar);
  if (floor !== undefined) {
    const below = share !== null && share < floor;
    const mark = tagged("div", "", "floor");
    mark.style.left = `${100 * floor}%`;
    meter.append(mark);
    const said = tagged("td", below ? `▲ ${word("below floor")} ${percent(floor)}` : `${word("floor")} ${percent(floor)}`, "note");
    said.setAttribute("colspan", "3");
    const second = document.createElement("tr");
    second.append(said);
    rows.push(second);
    rows.forEach((each) => each.classList.toggle("abnormal", below));
  }
  return rows;
}

/**
 * @param {string} name
 * @param {number} pieces
 * @param {number} of
 */
function countRow(name, pieces, of) {
  return row(word(name), count(pieces), of > 0 ? percent(pieces / of) : "–");
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} [detail]
 * @param {boolean} [abnormal]
 */
function row(name, value, detail, abnormal) {
  const made = document.createElement("tr");
  made.append(tagged("th", name), tagged("td", value, "value"));
  made.children[0].setAttribute("scope", "row");
  made.children[0].setAttribute("title", name);
  if (detail !== undefined) {
    made.append(tagged("td", detail, "detail"));
  }
  made.classList.toggle("abnormal", abnormal === true);
  return made;
}

/**
 * @param {string} id
 * @param {HTMLElement[]} rows
 */
function fill(id, rows) {
  document.querySelector(`#${id} tbody`)?.replaceChildren(...rows);
}

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} [className]
 */
function tagged(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className !== undefined) {
    made.className = className;
  }
  return made;
}

/** @param {number | null} share */
const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);

/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** @param {number} value */
const precise = (value) => String(Number(value.toPrecision(2)));

/** @param {number | null} value */
const milliseconds = (value) => (value === null ? "–" : `${value.toFixed(1)} ms`);

/** @param {number} value */
const count = (value) => value.toLocaleString("en-US");

/** @param {number} seconds */
function duration(seconds) {
  const whole = Math.floor(seconds);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}
