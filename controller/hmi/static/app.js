// @ts-check
import { Belt } from "./belt.js";
import { showFigures, showHeader } from "./figures.js";
import { OddParts } from "./odd.js";
import { follow } from "./snapshot.js";
import { currentLanguage, setLanguage, word } from "./words.js";

/** Older than this and the page says so: the runtime publishes several times a second. */
const STALE_AFTER_MS = 2000;
const REMEMBERED = "senbetsu.language";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const belt = new Belt(/** @type {HTMLCanvasElement} */ (element("picture")), element("legend"));

const odd = new OddParts();
element("picture").addEventListener("click", (event) => {
  const part = belt.partAt(event.offsetX, event.offsetY);
  if (part !== null) {
    odd.pickOnBelt(part);
  }
});

/** @type {Snapshot | null} */
let newest = null;
/** When the newest snapshot left the runtime, on the clock of performance.now(). */
let newestAtMs = 0;
/** @type {boolean | null} */
let wasStale = null;

function showAge() {
  const ageMs = performance.now() - newestAtMs;
  const stale = newest !== null && ageMs > STALE_AFTER_MS;
  if (newest !== null) {
    const seconds = Math.max(0, ageMs / 1000);
    const shown = seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0);
    element("age").textContent =
      currentLanguage() === "ja" ? `${word("updated")} ${shown} ${word("s ago")}` : `updated ${shown} s ago`;
  }
  if (stale !== wasStale) {
    wasStale = stale;
    document.body.classList.toggle("is-stale", stale);
    element("stale").hidden = !stale;
    showText();
  }
  return stale;
}

function showText() {
  if (newest === null) {
    return;
  }
  showHeader(newest, wasStale === true);
  if (wasStale) {
    const since = new Date(Date.now() - (performance.now() - newestAtMs)).toTimeString().slice(0, 8);
    element("stale").textContent = `▲ ${word("No data from the line since")} ${since}. ${word("What you see is old")}.`;
  }
  showFigures(newest);
  belt.showLegend(newest);
  odd.show(newest);
}

/** @param {"en" | "ja"} language */
function speak(language) {
  setLanguage(language);
  const button = element("language");
  button.textContent = language === "en" ? "日本語" : "English";
  button.lang = language === "en" ? "ja" : "en";
  showText();
}

element("language").addEventListener("click", () => {
  const next = currentLanguage() === "en" ? "ja" : "en";
  localStorage.setItem(REMEMBERED, next);
  speak(next);
});
speak(localStorage.getItem(REMEMBERED) === "ja" ? "ja" : "en");

follow((snapshot, jpeg, ageS) => {
  newest = snapshot;
  newestAtMs = performance.now() - ageS * 1000;
  belt.show(snapshot, jpeg, newestAtMs);
  showAge();
  showText();
});

/** @param {number} nowMs */
function animate(nowMs) {
  belt.draw(nowMs, showAge());
  requestAnimationFrame(animate);
}
requestAnimationFrame(animate);
