// Severity over time: one bar per minute or hour.

import { makeSvg, shown } from "./dom.js";

const HEIGHT = 130, LEFT = 44, RIGHT = 8, TOP = 10, BOTTOM = 22;

/** The worst severity of each bucket of some seconds, `n` of them until now; red where there are anomalies. */
export function bars(buckets, seconds, n, now, wide) {
  const width = Math.max(240, wide);
  const first = (Math.floor(now / seconds) - n + 1) * seconds;
  const step = (width - LEFT - RIGHT) / n, floor = HEIGHT - BOTTOM;
  const y = (severity) => floor - (severity / 100) * (floor - TOP);
  const text = (x, height, anchor, said) => makeSvg("text", { x, y: height, "text-anchor": anchor }, said);
  const chart = makeSvg("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": `Worst severity per ${seconds === 60 ? "minute" : "hour"}, ${buckets.length} with rows`,
  });
  for (const bucket of buckets) {
    const place = (bucket.time - first) / seconds;
    if (place < 0 || place >= n) continue;
    const height = Math.max(2, floor - y(bucket.worst));
    const bar = makeSvg("rect", { class: bucket.anomalies ? "odd" : "normal", x: LEFT + place * step + 0.5, y: floor - height, width: Math.max(1, step - 1), height });
    bar.append(makeSvg("title", {}, `${timeOf(bucket.time)}: worst ${shown(bucket.worst)}, mean ${shown(bucket.mean)}, ${shown(bucket.anomalies)} of ${shown(bucket.rows)} rows are anomalies`));
    chart.append(bar);
  }
  for (const severity of [0, 50, 100]) chart.append(text(LEFT - 6, y(severity) + 4, "end", String(severity)));
  chart.append(makeSvg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: floor, y2: floor }),
    text(LEFT, HEIGHT - 5, "start", timeOf(first)), text(width - RIGHT, HEIGHT - 5, "end", "now"));
  return chart;
}

const timeOf = (seconds) => new Date(1000 * seconds).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
