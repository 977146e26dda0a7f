// @ts-check
/** What is drawn over the camera's picture: parts with their labels, jet orders, the valve bar. */
import { word } from "./words.js";

/**
 * @typedef {import("./snapshot.js").Snapshot} Snapshot
 * @typedef {import("./snapshot.js").PartView} PartView
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 * @typedef {{pen: CanvasRenderingContext2D, snapshot: Snapshot, encoder: number, k: number,
 *   lengthMm: number}} Scene `encoder` is the count drawn, `k` px per mm, `lengthMm` of belt in sight
 */

/** Muted, of like lightness; a part also carries its class in words. */
const CLASS_COLOURS = ["#9cc3e6", "#e3c08f", "#aed6a4", "#d8a9cd", "#d4cd86", "#97d6d2", "#e8ab9b", "#bfbae2"];
const ABNORMAL = "#ff8a65";
const INK = "#14181b";
export const PALE = "#e9ebec";

/** A line pattern and a sign for each outlet, in the recipe's order; the rest use the last. */
const OUTLET_DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const OUTLET_SIGNS = ["◆", "▽", "○", "□"];
const STATUS_SIGNS = { ordered: "→", ejected: "✓", missed: "✕", unknown: "?" };

/** A jet opens for some 10 ms, too short to see: its lanes stay lit for this much belt. */
const LIT_MM = 120;

/**
 * Each jet order as the window of belt that it hits: dotted while ordered, light when fired.
 * @param {Scene} scene
 */
export function drawShots({ pen, snapshot, encoder, k, lengthMm }) {
  for (const shot of snapshot.shots) {
    const front = (encoder - shot.on_count) / snapshot.counts_per_mm + snapshot.bar_distance_mm;
    const back = (encoder - shot.off_count) / snapshot.counts_per_mm + snapshot.bar_distance_mm;
    if (back > lengthMm || front < 0) {
      continue;
    }
    const failed = !["pending", "fired"].includes(shot.result);
    const fired = shot.result === "fired" && front >= snapshot.bar_distance_mm;
    const top = (snapshot.first_lane_mm + shot.lane_first * snapshot.lane_pitch_mm) * k;
    const height = (shot.lane_last - shot.lane_first + 1) * snapshot.lane_pitch_mm * k;
    pen.strokeStyle = failed ? ABNORMAL : PALE;
    pen.lineWidth = 1;
    pen.setLineDash(fired ? [] : [2, 3]);
    pen.strokeRect(back * k, top, (front - back) * k, height);
    if (fired) {
      pen.fillStyle = "rgba(255, 255, 255, 0.28)";
      pen.fillRect(back * k, top, (front - back) * k, height);
    } else if (failed) {
      drawTag(pen, `✕ ${word(shot.result)}`, ((front + back) / 2) * k, top - 8, ABNORMAL);
    }
  }
}

/**
 * @param {Scene} scene
 * @returns {number} how many outlines were drawn
 */
export function drawParts({ pen, snapshot, encoder, k, lengthMm }) {
  const outlets = Object.keys(snapshot.purity);
  const classes = Object.keys(snapshot.recovery);
  const shown = snapshot.parts
    .map((part) => ({ part, x: (encoder - part.belt_counts) / snapshot.counts_per_mm }))
    .map(({ part, x }) => ({ x, part: x < snapshot.bar_distance_mm ? beforeBar(part) : part }))
    .filter(({ x }) => x > -50 && x < lengthMm + 50)
    .sort((one, other) => one.part.id - other.part.id);
  /** @type {Box[]} */
  const taken = [];
  for (const { part, x } of shown) {
    const place = classes.indexOf(part.class_id);
    const known = place < 0 ? PALE : CLASS_COLOURS[place % CLASS_COLOURS.length];
    const colour = part.status === "missed" ? ABNORMAL : known;
    pen.globalAlpha = x > snapshot.bar_distance_mm + LIT_MM / 2 ? 0.6 : 1;
    const box = outline(pen, part, x, k, colour, outlets.indexOf(part.outlet ?? ""));
    if (x > 0 && x < lengthMm) {
      drawLabel(pen, part, box, taken, colour, outlets, [lengthMm * k, snapshot.belt_width_mm * k]);
    }
  }
  pen.globalAlpha = 1;
  return shown.length;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {PartView} part
 * @param {number} x mm downstream of the datum
 * @param {number} k
 * @param {string} colour
 * @param {number} outlet index, -1 while there is none
 * @returns {Box}
 */
function outline(pen, part, x, k, colour, outlet) {
  const points = part.outline.length > 2 ? part.outline : diamond(part.across_mm);
  const path = new Path2D();
  for (const [along, across] of points) {
    path.lineTo((x + along) * k, across * k);
  }
  path.closePath();
  const strong = part.status === "ordered" || part.status === "ejected";
  pen.lineJoin = "round";
  pen.setLineDash([]);
  pen.strokeStyle = "rgba(10, 14, 18, 0.5)";
  pen.lineWidth = strong ? 5 : 3.5;
  pen.stroke(path);
  pen.setLineDash(outlet < 0 ? [3, 3] : OUTLET_DASHES[Math.min(outlet, OUTLET_DASHES.length - 1)]);
  pen.strokeStyle = colour;
  pen.lineWidth = strong ? 2.75 : 1.5;
  pen.stroke(path);
  const xs = points.map(([along]) => (x + along) * k);
  const ys = points.map(([, across]) => across * k);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/**
 * Class, probability, outlet and status beside the part, where no other label is. All parts move
 * together, so a label keeps its place.
 * @param {CanvasRenderingContext2D} pen
 * @param {PartView} part
 * @param {Box} box
 * @param {Box[]} taken
 * @param {string} colour
 * @param {string[]} outlets
 * @param {[number, number]} room px of belt along and across
 */
function drawLabel(pen, part, box, taken, colour, outlets, room) {
  const outlet = part.outlet === null ? "…" : OUTLET_SIGNS[Math.min(outlets.indexOf(part.outlet), 3)] ?? "";
  const status = STATUS_SIGNS[/** @type {keyof typeof STATUS_SIGNS} */ (part.status)] ?? "";
  const text = `${outlet} ${part.class_id} ${Math.round(100 * part.probability)}% ${status}`.trim();
  pen.font = "600 11px system-ui, sans-serif";
  const width = pen.measureText(text).width + 8;
  const centre = Math.min(Math.max((box.left + box.right) / 2, width / 2), room[0] - width / 2);
  const places = [box.bottom + 10, box.top - 10, box.bottom + 25, box.top - 25].map((y) => ({
    left: centre - width / 2, right: centre + width / 2, top: y - 8, bottom: y + 8,
  }));
  const inside = places.filter((place) => place.top > 0 && place.bottom < room[1]);
  const free = inside.find((place) => !taken.some((other) => overlap(place, other))) ?? inside[0] ?? places[0];
  taken.push(free);
  drawTag(pen, text, centre, (free.top + free.bottom) / 2, colour);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {number} x centre
 * @param {number} y centre
 * @param {string} colour
 */
export function drawTag(pen, text, x, y, colour) {
  pen.font = "600 11px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const width = pen.measureText(text).width + 8;
  pen.fillStyle = "rgba(18, 22, 26, 0.78)";
  pen.fillRect(x - width / 2, y - 8, width, 16);
  pen.fillStyle = colour;
  pen.fillText(text, x, y + 0.5);
}

/**
 * The valve bar, a cell a lane; a lane that has just fired is lit.
 * @param {Scene} scene
 */
export function drawBar({ pen, snapshot, encoder, k }) {
  const x = snapshot.bar_distance_mm * k;
  const pitch = snapshot.lane_pitch_mm * k;
  /** @type {Set<number>} */
  const lit = new Set();
  for (const shot of snapshot.shots) {
    const passedMm = (encoder - shot.on_count) / snapshot.counts_per_mm;
    const openMm = (shot.off_count - shot.on_count) / snapshot.counts_per_mm;
    if (shot.result === "fired" && passedMm >= 0 && passedMm < openMm + LIT_MM) {
      for (let lane = shot.lane_first; lane <= shot.lane_last; lane += 1) {
        lit.add(lane);
      }
    }
  }
  pen.setLineDash([]);
  pen.lineWidth = 1;
  for (let lane = 0; lane < snapshot.lane_count; lane += 1) {
    const y = (snapshot.first_lane_mm + lane * snapshot.lane_pitch_mm) * k;
    pen.fillStyle = lit.has(lane) ? "#ffffff" : "#8d949a";
    pen.fillRect(x - 5, y, 10, pitch);
    pen.strokeStyle = INK;
    pen.strokeRect(x - 5, y, 10, pitch);
    if (lit.has(lane)) {
      pen.beginPath();
      pen.moveTo(x + 6, y + pitch / 2);
      pen.lineTo(x + 22, y + pitch / 2);
      pen.strokeStyle = "#ffffff";
      pen.stroke();
    }
  }
  drawTag(pen, `${word("valve bar")}, ${snapshot.lane_count} ${word("lanes")}`, x - 62, 12, PALE);
}

/**
 * What the patterns and signs mean, for the list below the picture.
 * @param {Snapshot} snapshot
 */
export function legendTexts(snapshot) {
  const outlets = Object.keys(snapshot.purity).map((outlet, index) => {
    const place = Math.min(index, OUTLET_SIGNS.length - 1);
    return `${OUTLET_SIGNS[place]} ${["━━", "╍╍", "┈┈", "╍┈"][place]} ${word("to")} ${outlet}`;
  });
  const signs = ["ordered", "ejected", "missed", "unknown"].map((status) => {
    const sign = STATUS_SIGNS[/** @type {keyof typeof STATUS_SIGNS} */ (status)];
    return `${sign} ${status === "ordered" ? word("jet ordered") : word(status)}`;
  });
  return [...outlets, `… ${word("not decided")}`, ...signs, `▒ ${word("jet fired")}`];
}

/** A finger or a mouse may miss a part by this many px. */
const NEAR_PX = 8;

/**
 * @param {Scene} scene
 * @param {number} atX px
 * @param {number} atY px
 * @returns {PartView | null} the nearest part whose box, a little widened, holds the point
 */
export function partAt({ snapshot, encoder, k }, atX, atY) {
  /** @type {{part: PartView, distance: number}[]} */
  const hit = [];
  for (const part of snapshot.parts) {
    const x = (encoder - part.belt_counts) / snapshot.counts_per_mm;
    const points = part.outline.length > 2 ? part.outline : diamond(part.across_mm);
    const xs = points.map(([along]) => (x + along) * k);
    const ys = points.map(([, across]) => across * k);
    const inside =
      atX > Math.min(...xs) - NEAR_PX && atX < Math.max(...xs) + NEAR_PX &&
      atY > Math.min(...ys) - NEAR_PX && atY < Math.max(...ys) + NEAR_PX;
    if (inside) {
      hit.push({ part, distance: Math.hypot(atX - x * k, atY - part.across_mm * k) });
    }
  }
  hit.sort((one, other) => one.distance - other.distance);
  return hit[0]?.part ?? null;
}

/**
 * The picture runs a little late: what happens at the bar is shown when the part is drawn there.
 * @param {PartView} part
 * @returns {PartView}
 */
function beforeBar(part) {
  return part.status === "ejected" ? { ...part, status: "ordered" } : part;
}

/**
 * Where a part has no outline: a mark of 16 mm.
 * @param {number} acrossMm
 * @returns {[number, number][]}
 */
function diamond(acrossMm) {
  return [[8, acrossMm], [0, acrossMm + 8], [-8, acrossMm], [0, acrossMm - 8]];
}

/**
 * @param {Box} one
 * @param {Box} other
 */
function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
