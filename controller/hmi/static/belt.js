// @ts-check
/**
 * The belt from the camera to a little behind the valve bar, flowing to the right. Everything is
 * drawn in belt millimetres: x is the distance downstream of the camera's datum, y the distance from
 * the belt's left edge, and what lies at belt coordinate b is at x = (encoder - b) / counts_per_mm.
 */
import { drawBar, drawParts, drawShots, drawTag, legendTexts, PALE, partAt } from "./marks.js";
import { word } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

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
    const scene = { pen, snapshot, encoder: this.encoder, k, lengthMm };
    drawShots(scene);
    drawBar(scene);
    const drawn = drawParts(scene);
    this.canvas.dataset.outlines = String(drawn);
    this.canvas.dataset.encoder = String(Math.round(this.encoder));
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
   * How much belt is shown, and its scale in px per mm.
   * @param {Snapshot} snapshot
   */
  extent(snapshot) {
    const frame = /** @type {HTMLElement} */ (this.canvas.parentElement);
    const lengthMm = snapshot.bar_distance_mm + Math.max(100, 0.12 * snapshot.bar_distance_mm);
    const k = Math.min(frame.clientWidth / lengthMm, (frame.clientHeight - RULER_PX) / snapshot.belt_width_mm);
    return { lengthMm, k };
  }

  /**
   * Sizes the canvas to its frame, sets the origin to the datum and the belt's left edge.
   * @param {Snapshot} snapshot
   */
  fit(snapshot) {
    const { lengthMm, k } = this.extent(snapshot);
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
    drawTag(this.pen, word("camera view"), right / 2, 12, PALE);
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
   * The part under a point of the canvas, null where none is.
   * @param {number} x px
   * @param {number} y px
   */
  partAt(x, y) {
    if (this.snapshot === null) {
      return null;
    }
    const { lengthMm, k } = this.extent(this.snapshot);
    return partAt({ pen: this.pen, snapshot: this.snapshot, encoder: this.encoder, k, lengthMm }, x, y);
  }

  /** @param {Snapshot} snapshot */
  showLegend(snapshot) {
    this.legend.replaceChildren(
      ...legendTexts(snapshot).map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      }),
    );
  }
}
