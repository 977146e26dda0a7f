// @ts-check
/**
 * The belt from the camera to a little behind the valve bar, flowing to the right. Everything is
 * drawn in belt millimetres: x is the distance downstream of the camera's datum, y the distance from
 * the belt's left edge, and what lies at belt coordinate b is at x = (encoder - b) / counts_per_mm.
 */
import { word } from "./words.js";

/**
 * @typedef {import("./snapshot.js").Snapshot} Snapshot
 * @typedef {import("./snapshot.js").PartView} PartView
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 */

/** Muted, of like lightness; a part also carries its class in words. */
const CLASS_COLOURS = ["#9cc3e6", "#e3c08f", "#aed6a4", "#d8a9cd", "#d4cd86", "#97d6d2", "#e8ab9b", "#bfbae2"];
const ABNORMAL = "#ff8a65";
const INK = "#14181b";
const PALE = "#e9ebec";

/** A line pattern and a sign for each outlet, in the recipe's order; the rest use the last. */
const OUTLET_DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const OUTLET_SIGNS = ["◆", "▽", "○", "□"];
const STATUS_SIGNS = { ordered: "→", ejected: "✓", missed: "✕", unknown: "?" };

/** A jet opens for some 10 ms, too short to see: its lanes stay lit for this much belt. */
const LIT_MM = 120;
const MOST_PICTURES = 24;
const RULER_PX = 20;
/** Without news the picture moves on for this long at the last speed, then stands. */
const PREDICT_MS = 300;
/** The picture runs this much behind the belt, so that what it shows has been seen: the frame under
 * the camera, and whether the jet at the bar has fired. */
const DELAY_MS = 150;

export class Belt {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} legend
   */
  constructor(canvas, legend) {
    this.canvas = canvas;
    this.legend = legend;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {Snapshot | null} */
    this.snapshot = null;
    this.atMs = 0;
    this.encoder = 0;
    this.drawnAtMs = 0;
    /** @type {{encoder: number, bitmap: ImageBitmap}[]} oldest first */
    this.pictures = [];
    this.asked = NaN;
  }

  /**
   * @param {Snapshot} snapshot
   * @param {Uint8Array} jpeg
   * @param {number} atMs when it left the runtime, on the clock of performance.now()
   */
  show(snapshot, jpeg, atMs) {
    if (this.snapshot === null || snapshot.uptime_s < this.snapshot.uptime_s) {
      this.forgetPictures(() => true);
      this.encoder = snapshot.encoder;
    }
    this.snapshot = snapshot;
    this.atMs = atMs;
    if (jpeg.length > 0 && snapshot.preview_encoder !== null && snapshot.preview_encoder !== this.asked) {
      this.asked = snapshot.preview_encoder;
      const picture = new Blob([/** @type {BlobPart} */ (jpeg)], { type: "image/jpeg" });
      this.keepPicture(snapshot.preview_encoder, picture, 0.95 * snapshot.view_along_mm * snapshot.counts_per_mm);
    }
  }

  /**
   * Keeps as few pictures as cover the belt: one that its neighbours cover goes.
   * @param {number} encoder
   * @param {Blob} jpeg
   * @param {number} coverCounts
   */
  async keepPicture(encoder, jpeg, coverCounts) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(jpeg);
    } catch {
      console.warn(`the preview at count ${encoder} is not a JPEG`);
      return;
    }
    const [before, last] = this.pictures.slice(-2);
    if (last !== undefined && encoder - before.encoder < coverCounts) {
      this.forgetPictures((picture) => picture === last);
    }
    this.pictures.push({ encoder, bitmap });
    this.pictures.sort((one, other) => one.encoder - other.encoder);
    const oldest = this.pictures.at(-MOST_PICTURES)?.encoder ?? -Infinity;
    this.forgetPictures((picture) => picture.encoder < oldest);
  }

  /** @param {(picture: {encoder: number, bitmap: ImageBitmap}) => boolean} isOld */
  forgetPictures(isOld) {
    this.pictures.filter(isOld).forEach((picture) => picture.bitmap.close());
    this.pictures = this.pictures.filter((picture) => !isOld(picture));
  }

  /**
   * One frame of the animation. A stale picture stands still, as it last was.
   * @param {number} nowMs
   * @param {boolean} stale
   */
  draw(nowMs, stale) {
    const snapshot = this.snapshot;
    if (snapshot === null) {
      return;
    }
    this.follow(snapshot, nowMs, stale);
    const { lengthMm, k } = this.fit(snapshot);
    const pen = this.pen;
    pen.fillStyle = "#4b5156";
    pen.fillRect(0, 0, lengthMm * k, snapshot.belt_width_mm * k);
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, snapshot.bar_distance_mm * k, snapshot.belt_width_mm * k);
    pen.clip();
    this.drawPictures(snapshot, k);
    pen.restore();
    this.drawGround(snapshot, k, lengthMm);
    this.drawShots(snapshot, k, lengthMm);
    this.drawBar(snapshot, k);
    const drawn = this.drawParts(snapshot, k, lengthMm);
    this.canvas.dataset.outlines = String(drawn);
    this.canvas.setAttribute("aria-label", `${word("parts in view")}: ${drawn}`);
  }

  /**
   * Where the belt is now: predicted from the last snapshot, approached smoothly so that the jitter
   * of arrival does not shake the picture.
   * @param {Snapshot} snapshot
   * @param {number} nowMs
   * @param {boolean} stale
   */
  follow(snapshot, nowMs, stale) {
    const countsPerMs = (snapshot.speed_mm_s * snapshot.counts_per_mm) / 1000;
    const aheadMs = Math.min(Math.max(0, nowMs - this.atMs), PREDICT_MS) - DELAY_MS;
    const target = snapshot.encoder + countsPerMs * aheadMs;
    const moved = this.encoder + countsPerMs * Math.min(nowMs - this.drawnAtMs, 100);
    const jumped = Math.abs(target - moved) > 200 * snapshot.counts_per_mm;
    if (stale) {
      this.encoder = snapshot.encoder;
    } else {
      this.encoder = jumped || countsPerMs === 0 ? target : moved + 0.15 * (target - moved);
    }
    this.drawnAtMs = nowMs;
  }

  /**
   * Sizes the canvas to its frame, sets the origin to the datum and the belt's left edge.
   * @param {Snapshot} snapshot
   */
  fit(snapshot) {
    const frame = /** @type {HTMLElement} */ (this.canvas.parentElement);
    const lengthMm = snapshot.bar_distance_mm + Math.max(100, 0.12 * snapshot.bar_distance_mm);
    const k = Math.min(frame.clientWidth / lengthMm, (frame.clientHeight - RULER_PX) / snapshot.belt_width_mm);
    const ratio = window.devicePixelRatio;
    const width = Math.floor(lengthMm * k * ratio);
    const height = Math.floor((snapshot.belt_width_mm * k + RULER_PX) * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.canvas.style.width = `${width / ratio}px`;
      this.canvas.style.height = `${height / ratio}px`;
    }
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.pen.clearRect(0, 0, width, height);
    return { lengthMm, k };
  }

  /**
   * The camera's pictures where their piece of belt is now. A picture's row 0 is downstream and
   * column 0 the left edge, so it is turned by a quarter, not mirrored.
   * @param {Snapshot} snapshot
   * @param {number} k px per mm
   */
  drawPictures(snapshot, k) {
    const downstreamMm = (/** @type {number} */ count) => (this.encoder - count) / snapshot.counts_per_mm;
    this.forgetPictures((picture) => downstreamMm(picture.encoder) > snapshot.bar_distance_mm);
    for (const { encoder, bitmap } of this.pictures) {
      const pxPerRow = (snapshot.view_along_mm / bitmap.height) * k;
      this.pen.save();
      this.pen.transform(0, pxPerRow, -pxPerRow, 0, (downstreamMm(encoder) + snapshot.view_along_mm) * k, 0);
      this.pen.drawImage(bitmap, 0, 0);
      this.pen.restore();
    }
  }

  /**
   * Camera view and ruler.
   * @param {Snapshot} snapshot
   * @param {number} k
   * @param {number} lengthMm
   */
  drawGround(snapshot, k, lengthMm) {
    const pen = this.pen;
    const bottom = snapshot.belt_width_mm * k;
    pen.setLineDash([]);
    pen.lineWidth = 1.5;
    pen.strokeStyle = PALE;
    const right = snapshot.view_along_mm * k;
    for (const [x, y, dx, dy] of [[1, 1, 1, 1], [right, 1, -1, 1], [1, bottom - 1, 1, -1], [right, bottom - 1, -1, -1]]) {
      pen.beginPath();
      pen.moveTo(x + 16 * dx, y);
      pen.lineTo(x, y);
      pen.lineTo(x, y + 16 * dy);
      pen.stroke();
    }
    this.drawTag(word("camera view"), right / 2, 12, PALE);
    pen.fillStyle = "#2b3034";
    pen.strokeStyle = "#2b3034";
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "top";
    const step = lengthMm > 2500 ? 500 : 100;
    for (let mm = 0; mm <= lengthMm; mm += step) {
      pen.beginPath();
      pen.moveTo(mm * k, bottom);
      pen.lineTo(mm * k, bottom + 5);
      pen.stroke();
      if ((mm / step) % 2 === 0) {
        pen.textAlign = mm === 0 ? "left" : mm + step > lengthMm ? "right" : "center";
        pen.fillText(mm === 0 ? "0 mm" : String(mm), mm * k, bottom + 6);
      }
    }
  }

  /**
   * Each jet order as the window of belt that it hits: dotted while ordered, light when fired.
   * @param {Snapshot} snapshot
   * @param {number} k
   * @param {number} lengthMm
   */
  drawShots(snapshot, k, lengthMm) {
    for (const shot of snapshot.shots) {
      const front = (this.encoder - shot.on_count) / snapshot.counts_per_mm + snapshot.bar_distance_mm;
      const back = (this.encoder - shot.off_count) / snapshot.counts_per_mm + snapshot.bar_distance_mm;
      if (back > lengthMm || front < 0) {
        continue;
      }
      const failed = !["pending", "fired"].includes(shot.result);
      const fired = shot.result === "fired" && front >= snapshot.bar_distance_mm;
      const top = (snapshot.first_lane_mm + shot.lane_first * snapshot.lane_pitch_mm) * k;
      const height = (shot.lane_last - shot.lane_first + 1) * snapshot.lane_pitch_mm * k;
      const pen = this.pen;
      pen.strokeStyle = failed ? ABNORMAL : PALE;
      pen.lineWidth = 1;
      pen.setLineDash(fired ? [] : [2, 3]);
      pen.strokeRect(back * k, top, (front - back) * k, height);
      if (fired) {
        pen.fillStyle = "rgba(255, 255, 255, 0.28)";
        pen.fillRect(back * k, top, (front - back) * k, height);
      } else if (failed) {
        this.drawTag(`✕ ${word(shot.result)}`, ((front + back) / 2) * k, top - 8, ABNORMAL);
      }
    }
  }

  /**
   * @param {Snapshot} snapshot
   * @param {number} k
   * @param {number} lengthMm
   * @returns {number} how many outlines were drawn
   */
  drawParts(snapshot, k, lengthMm) {
    const outlets = Object.keys(snapshot.purity);
    const classes = Object.keys(snapshot.recovery);
    const shown = snapshot.parts
      .map((part) => ({ part, x: (this.encoder - part.belt_counts) / snapshot.counts_per_mm }))
      .map(({ part, x }) => ({ x, part: x < snapshot.bar_distance_mm ? beforeBar(part) : part }))
      .filter(({ x }) => x > -50 && x < lengthMm + 50)
      .sort((one, other) => one.part.id - other.part.id);
    /** @type {Box[]} */
    const taken = [];
    for (const { part, x } of shown) {
      const colour = part.status === "missed" ? ABNORMAL : CLASS_COLOURS[Math.max(0, classes.indexOf(part.class_id)) % 8];
      this.pen.globalAlpha = x > snapshot.bar_distance_mm + LIT_MM / 2 ? 0.6 : 1;
      const box = this.outline(part, x, k, colour, outlets.indexOf(part.outlet ?? ""));
      if (x > 0 && x < lengthMm) {
        this.drawLabel(part, box, taken, colour, outlets, lengthMm * k);
      }
    }
    this.pen.globalAlpha = 1;
    return shown.length;
  }

  /**
   * @param {PartView} part
   * @param {number} x mm downstream of the datum
   * @param {number} k
   * @param {string} colour
   * @param {number} outlet index, -1 while there is none
   * @returns {Box}
   */
  outline(part, x, k, colour, outlet) {
    const points = part.outline.length > 2 ? part.outline : diamond(part.across_mm);
    const path = new Path2D();
    for (const [along, across] of points) {
      path.lineTo((x + along) * k, across * k);
    }
    path.closePath();
    const pen = this.pen;
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
   * @param {PartView} part
   * @param {Box} box
   * @param {Box[]} taken
   * @param {string} colour
   * @param {string[]} outlets
   * @param {number} room px of belt
   */
  drawLabel(part, box, taken, colour, outlets, room) {
    const outlet = part.outlet === null ? "…" : OUTLET_SIGNS[Math.min(outlets.indexOf(part.outlet), 3)] ?? "";
    const status = STATUS_SIGNS[/** @type {keyof typeof STATUS_SIGNS} */ (part.status)] ?? "";
    const text = `${outlet} ${part.class_id} ${Math.round(100 * part.probability)}% ${status}`.trim();
    this.pen.font = "600 11px system-ui, sans-serif";
    const width = this.pen.measureText(text).width + 8;
    const centre = Math.min(Math.max((box.left + box.right) / 2, width / 2), room - width / 2);
    const places = [box.bottom + 10, box.top - 10, box.bottom + 25, box.top - 25].map((y) => ({
      left: centre - width / 2, right: centre + width / 2, top: y - 8, bottom: y + 8,
    }));
    const free = places.find((place) => place.top > 0 && !taken.some((other) => overlap(place, other))) ?? places[0];
    taken.push(free);
    this.drawTag(text, centre, (free.top + free.bottom) / 2, colour);
  }

  /**
   * @param {string} text
   * @param {number} x centre
   * @param {number} y centre
   * @param {string} colour
   */
  drawTag(text, x, y, colour) {
    const pen = this.pen;
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
   * @param {Snapshot} snapshot
   * @param {number} k
   */
  drawBar(snapshot, k) {
    const pen = this.pen;
    const x = snapshot.bar_distance_mm * k;
    const pitch = snapshot.lane_pitch_mm * k;
    /** @type {Set<number>} */
    const lit = new Set();
    for (const shot of snapshot.shots) {
      const passedMm = (this.encoder - shot.on_count) / snapshot.counts_per_mm;
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
    this.drawTag(`${word("valve bar")}, ${snapshot.lane_count} ${word("lanes")}`, x - 62, 12, PALE);
  }

  /** @param {Snapshot} snapshot */
  showLegend(snapshot) {
    const outlets = Object.keys(snapshot.purity).map((outlet, index) => {
      const place = Math.min(index, OUTLET_SIGNS.length - 1);
      return `${OUTLET_SIGNS[place]} ${["━━", "╍╍", "┈┈", "╍┈"][place]} ${word("to")} ${outlet}`;
    });
    const signs = ["ordered", "ejected", "missed", "unknown"].map((status) => {
      const sign = STATUS_SIGNS[/** @type {keyof typeof STATUS_SIGNS} */ (status)];
      return `${sign} ${status === "ordered" ? word("jet ordered") : word(status)}`;
    });
    const texts = [...outlets, `… ${word("not decided")}`, ...signs, `▒ ${word("jet fired")}`];
    this.legend.replaceChildren(
      ...texts.map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      }),
    );
  }
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
