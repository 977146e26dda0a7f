// @ts-check
/**
 * The snapshot as controller/snapshot.py packs it, and the connection that brings it.
 * Counts are unwrapped encoder counts, lengths millimetres, shares 0..1; null is "not known".
 *
 * @typedef {{id: number, class_id: string, probability: number, outlet: string | null, status: string,
 *   belt_counts: number, across_mm: number, outline: [number, number][]}} PartView
 * @typedef {{lane_first: number, lane_last: number, on_count: number, off_count: number, result: string}} ShotView
 * @typedef {{state: string, reason: string, reconnects: number}} LinkView
 * @typedef {{state: string, frames_captured: number, frames_processed: number, frames_dropped: number}} CameraView
 * @typedef {{code: string, text: string, since_s: number, severity: number}} AlarmView
 * @typedef {{value: number | null, state: string, warn: number | null, alarm: number | null}} MetricView
 * @typedef {{id: number, class_id: string, probability: number, reasons: string[], label: string | null}} OddView
 * @typedef {{what: string, value: number, limit: number, unit: string, file: string, version: number,
 *   created: string}} CalibrationView
 * @typedef {{name: string, version: string, error: string, seen: number, compared: number, agreed: number,
 *   rerouted: number, gain_if_new_is_right_jpy: number, loss_if_old_is_right_jpy: number,
 *   differences: [string, string, number][], without_mass: string[]}} ShadowView
 * @typedef {{line: string, simulated: boolean, simulated_parts: string[], state: string, reason: string,
 *   uptime_s: number, speed_mm_s: number, encoder: number, counts_per_mm: number, belt_width_mm: number,
 *   view_along_mm: number, bar_distance_mm: number, lane_count: number, lane_pitch_mm: number,
 *   first_lane_mm: number, seen: number, outcomes: Record<string, number>,
 *   missed_by_reason: Record<string, number>, parts_per_s: number, purity: Record<string, number | null>,
 *   recovery: Record<string, number | null>, basis: string, links: Record<string, LinkView>,
 *   camera: CameraView,
 *   latency: {p50_ms: number | null, p99_ms: number | null, p999_ms: number | null}, parts: PartView[],
 *   shots: ShotView[], alarms: AlarmView[], purity_floor: Record<string, number>,
 *   preview_encoder: number | null, vision: Record<string, MetricView>, odd_parts: OddView[] | null,
 *   classes: string[], shadow: ShadowView | null, calibration: CalibrationView[]}} Snapshot
 */

const RECONNECT_MS = 1000;

/**
 * u32 big-endian length, JSON, JPEG.
 * @param {ArrayBuffer} packed
 * @returns {{snapshot: Snapshot, jpeg: Uint8Array}}
 */
export function unpack(packed) {
  const end = 4 + new DataView(packed).getUint32(0);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(packed, 4, end - 4));
  return { snapshot: JSON.parse(text), jpeg: new Uint8Array(packed, end) };
}

/**
 * Connects to /live for ever. One snapshot at a time: the server sends the next one when this page
 * has shown the last, and a hidden tab asks for none.
 * @param {(snapshot: Snapshot, jpeg: Uint8Array, ageS: number) => void} show
 */
export function follow(show) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  let ageS = 0;
  socket.onmessage = (event) => {
    if (typeof event.data === "string") {
      ageS = JSON.parse(event.data).snapshot_age_s ?? 0;
      return;
    }
    const { snapshot, jpeg } = unpack(event.data);
    show(snapshot, jpeg, ageS);
    ageS = 0;
    whenVisible(() => socket.readyState === WebSocket.OPEN && socket.send("next"));
  };
  socket.onclose = () => setTimeout(() => follow(show), RECONNECT_MS);
}

/** @param {() => void} act */
function whenVisible(act) {
  if (!document.hidden) {
    act();
    return;
  }
  document.addEventListener("visibilitychange", act, { once: true });
}
