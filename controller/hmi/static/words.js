// @ts-check
/** The page's words. English is the key; what has no translation (class names, codes) stays as it is. */

/** @type {Record<string, string>} */
const JAPANESE = {
  "waiting for data": "データ待ち",
  "NO DATA": "データなし",
  "SIMULATED": "シミュレーション",
  "Alarms": "警報",
  "none": "なし",
  "Belt, from camera to valve bar": "ベルト(カメラからバルブバーまで)",
  "Throughput": "処理量",
  "parts/s": "個/秒",
  "parts/s, last 2 minutes": "個/秒、直近2分間",
  "Purity and recovery": "純度と回収率",
  "estimated from class probabilities": "クラス確率からの推定",
  "plant truth (simulated)": "模擬プラントの真値",
  "Purity by outlet": "純度(排出口別)",
  "Recovery by class": "回収率(クラス別)",
  "below floor": "下限未満",
  "floor": "下限",
  "What became of the parts": "部品の行方",
  "Outcomes": "結果",
  "Missed, by reason": "取り逃し(理由別)",
  "ejected": "噴射排出",
  "picked": "把持",
  "passed": "通過",
  "missed": "取り逃し",
  "unknown": "不明",
  "on the belt": "ベルト上",
  "seen": "検出合計",
  "does not add up": "合計が合わない",
  "Machine": "機器",
  "Belt speed": "ベルト速度",
  "Uptime": "運転時間",
  "Camera": "カメラ",
  "frames captured": "撮影",
  "processed": "処理",
  "dropped": "欠落",
  "reconnects": "再接続",
  "link": "接続",
  "Latency": "遅延",
  "frame to order": "撮影から指令まで",
  "running": "運転中",
  "clearing": "払い出し中",
  "stopped": "停止",
  "waiting for PLC": "PLC待ち",
  "waiting for camera": "カメラ待ち",
  "not ready": "準備未完了",
  "connected": "接続中",
  "lost": "切断",
  "ok": "正常",
  "silent": "応答なし",
  "late": "遅れ",
  "refused": "拒否",
  "cancelled": "取消",
  "fault": "故障",
  "updated": "更新",
  "s ago": "秒前",
  "What you see is old": "表示は過去のもの",
  "No data from the line since": "データ受信なし:",
  "last known state": "最後の状態",
  "camera view": "カメラ視野",
  "valve bar": "バルブバー",
  "lanes": "レーン",
  "not decided": "未決定",
  "to": "→",
  "jet fired": "噴射済み",
  "jet ordered": "噴射指令",
  "jet failed": "噴射失敗",
  "parts in view": "表示中の部品",
  "Picture": "画像",
  "learning": "学習中",
  "warning": "注意",
  "alarm": "警報",
  "focus": "鮮明度",
  "motion sharpness": "流れ",
  "brightness": "明るさ",
  "saturated": "白飛び",
  "patch drift": "基準色のずれ",
  "stale frames": "古い画像",
  "mix drift": "構成のずれ",
  "Odd parts": "判定の怪しい部品",
  "What is this part?": "この部品は何ですか",
  "Close": "閉じる",
  "Pick a part below, or on the belt. Its label goes with its picture into the export for teaching.":
    "下の一覧かベルト上の部品を選んでください。名前は画像とともに教示用に書き出されます。",
  "Class": "クラス",
  "Label it": "名前を付ける",
  "part": "部品",
  "on the belt now": "ベルト上",
  "odd part": "部品",
  "The line cannot be asked now": "ラインが応答しません",
  "unknown class": "不明なクラス",
  "oversize": "大きすぎる",
  "clump": "重なり",
  "low margin": "僅差",
  "views disagree": "判定の不一致",
  "Calibration": "校正",
  "nominal values": "公称値",
  "beyond its limit": "許容値超過",
  "version": "版",
  "camera": "カメラ",
  "camera, at the rim": "カメラ(画像の縁)",
  "encoder": "エンコーダ",
  "distance to the valves": "バルブまでの距離",
  "light": "照明",
  "Shadow model": "影のモデル",
  "not running": "動作していない",
  "same answer": "同じ回答",
  "compared": "比較数",
  "to another outlet": "排出口が変わる数",
  "if it is right": "これが正しい場合",
  "if the line's model is": "現行モデルが正しい場合",
  "not in the recipe, worth nothing here": "レシピになく、価値0とした",
};

/** @type {"en" | "ja"} */
let language = "en";

/** @param {string} english */
export function word(english) {
  return language === "ja" ? (JAPANESE[english] ?? english) : english;
}

/** @returns {"en" | "ja"} */
export function currentLanguage() {
  return language;
}

/**
 * Switches the language and every element that carries a `data-word`.
 * @param {"en" | "ja"} next
 */
export function setLanguage(next) {
  language = next;
  document.documentElement.lang = next;
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = word(element.getAttribute("data-word") ?? "");
  }
}
