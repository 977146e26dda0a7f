// @ts-check
/** Odd parts: their pictures, and a person saying what they are. */
import { word } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").PartView} PartView */
/** @typedef {import("./snapshot.js").OddView} OddView */
/** @typedef {{kind: "label_odd_part", odd_id: number} | {kind: "label_part", part_id: number}} Picked */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class OddParts {
  constructor() {
    this.dialog = /** @type {HTMLDialogElement} */ (element("odd"));
    this.input = /** @type {HTMLInputElement} */ (element("odd-label"));
    this.save = /** @type {HTMLButtonElement} */ (element("odd-save"));
    /** @type {Picked | null} */
    this.picked = null;
    /** @type {OddView[]} */
    this.parts = [];
    /** @type {string[]} */
    this.classes = [];
    /** @type {Map<number, string>} */
    this.labelled = new Map();
    this.enabled = false;
    element("odd-open").addEventListener("click", () => this.open());
    element("odd-close").addEventListener("click", () => this.dialog.close());
    this.input.addEventListener("input", () => this.allow());
    this.input.addEventListener("keydown", (event) => event.key === "Enter" && !this.save.disabled && this.label());
    this.save.addEventListener("click", () => this.label());
  }

  /** @param {Snapshot} snapshot */
  show(snapshot) {
    const parts = snapshot.odd_parts;
    this.enabled = parts !== null;
    element("odd-open").hidden = parts === null;
    if (parts === null) {
      return;
    }
    const unlabelled = parts.filter((part) => part.label === null).length;
    element("odd-count").textContent = unlabelled > 0 ? `(${unlabelled})` : "";
    this.parts = parts;
    this.classes = snapshot.classes;
    if (this.dialog.open) {
      this.showLabels();
    }
  }

  /** The list stands still while it is open, or it would move away under the finger; the next time it has the newer ones. */
  open() {
    this.say("");
    if (!this.dialog.open) {
      element("odd-list").replaceChildren(...this.parts.map((part) => this.item(part)));
      element("odd-classes").replaceChildren(...this.classes.map((name) => new Option(name, name)));
      this.showLabels();
      this.mark();
      this.dialog.showModal();
    }
    this.input.focus();
  }

  /** @param {PartView} part */
  pickOnBelt(part) {
    if (this.enabled) {
      this.pick({ kind: "label_part", part_id: part.id }, `${word("part")} ${part.id}, ${part.class_id} (${word("on the belt now")})`);
      this.open();
    }
  }

  /** @param {OddView} part */
  item(part) {
    const picture = new Image();
    picture.src = `/odd/${part.id}.png`;
    picture.alt = "";
    picture.loading = "lazy";
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.odd = String(part.id);
    const said = `${part.class_id} ${Math.round(100 * part.probability)} %`;
    const label = document.createElement("span");
    label.className = "label";
    button.append(picture, said, document.createElement("br"), label);
    button.addEventListener("click", () =>
      this.pick({ kind: "label_odd_part", odd_id: part.id }, `${word("odd part")} ${part.id}, ${said}`),
    );
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  /**
   * @param {Picked} picked
   * @param {string} text
   */
  pick(picked, text) {
    this.picked = picked;
    element("odd-picked").textContent = text;
    this.say("");
    this.mark();
    this.allow();
    this.input.focus();
  }

  /** What was labelled here keeps its label when newer parts have pushed it out of the snapshot: it still stands in the list. */
  showLabels() {
    for (const part of this.parts) {
      this.showLabel(part.id, part.reasons.map(word).join(", "));
    }
    for (const [id, label] of this.labelled) {
      this.showLabel(id, `✓ ${label}`);
    }
    for (const { id, label } of this.parts) {
      if (label !== null) {
        this.showLabel(id, `✓ ${label}`);
      }
    }
  }

  /**
   * @param {number} id
   * @param {string} text
   */
  showLabel(id, text) {
    const label = element("odd-list").querySelector(`button[data-odd="${id}"] .label`);
    if (label !== null) {
      label.textContent = text;
    }
  }

  mark() {
    const odd = this.picked?.kind === "label_odd_part" ? String(this.picked.odd_id) : "";
    for (const button of element("odd-list").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.odd === odd));
    }
  }

  allow() {
    this.save.disabled = this.picked === null || this.input.value.trim() === "";
  }

  async label() {
    const label = this.input.value.trim();
    this.save.disabled = true;
    try {
      const answer = await fetch("/api/label", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...this.picked, label }),
      });
      const { odd_id, error } = await answer.json();
      if (answer.ok) {
        this.labelled.set(odd_id, label);
        this.showLabels();
      }
      this.say(answer.ok ? `✓ ${word("odd part")} ${odd_id}: ${label}` : `▲ ${error}`, !answer.ok);
    } catch {
      this.say(`▲ ${word("The line cannot be asked now")}.`, true);
    }
    this.allow();
  }

  /**
   * @param {string} text
   * @param {boolean} [abnormal]
   */
  say(text, abnormal) {
    element("odd-said").textContent = text;
    element("odd-said").classList.toggle("abnormal", abnormal === true);
  }
}
