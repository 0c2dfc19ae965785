// The histogram of scores, with the threshold.

import { makeSvg, shown } from "./dom.js";

const HEIGHT = 220, LEFT = 44, RIGHT = 12, TOP = 24, BOTTOM = 40;

/** Scores as bars. Scores far below the threshold share one bar at the left, so that the others stay visible. */
export function histogram(scores, threshold, wide, title) {
  const width = Math.max(240, wide);
  const nBins = Math.max(12, Math.round(width / 18));
  const { low, high, isCut } = extent(scores, threshold);
  const x = (score) => LEFT + ((score - low) / (high - low)) * (width - LEFT - RIGHT);
  const bins = counted(scores, threshold, low, high, nBins);
  const most = Math.max(...bins.map((bin) => bin.n));
  const floor = HEIGHT - BOTTOM;
  const height = (n) => (n ? Math.max(2, (n / most) * (floor - TOP)) : 0);
  const nOdd = scores.filter((score) => score < threshold).length;
  const chart = makeSvg("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": `Histogram of ${scores.length} scores, ${nOdd} of them below the threshold ${shown(threshold)}`,
  });
  bins.forEach((bin, index) => {
    const name = isCut && index === 0 ? `below ${shown(bin.end)}` : `${shown(bin.begin)} to ${shown(bin.end)}`;
    const bar = makeSvg("rect", {
      class: bin.isOdd ? "odd" : "normal", x: x(bin.begin) + 0.5, y: floor - height(bin.n),
      width: Math.max(0.5, x(bin.end) - x(bin.begin) - 1), height: height(bin.n),
    });
    bar.append(makeSvg("title", {}, `${name} nats: ${shown(bin.n)} of ${shown(scores.length)}`));
    chart.append(bar);
  });
  chart.append(makeSvg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: floor, y2: floor }));
  chart.append(label(LEFT - 6, TOP + 4, "end", shown(most)), label(LEFT - 6, floor, "end", "0"));
  for (const tick of ticks(low, high, width / 90)) {
    if (isCut && x(tick) < LEFT + 60) continue;
    chart.append(makeSvg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: floor, y2: floor + 4 }));
    chart.append(label(x(tick), floor + 17, "middle", shown(tick)));
  }
  if (isCut) chart.append(label(LEFT, floor + 17, "start", `≤ ${shown(bins[0].end)}`));
  chart.append(label((LEFT + width - RIGHT) / 2, HEIGHT - 4, "middle", title));
  const at = x(threshold);
  const atRight = at > width * 0.75;
  const named = label(atRight ? at - 6 : at + 6, TOP - 10, atRight ? "end" : "start", `threshold ${shown(threshold)}`);
  named.setAttribute("class", "threshold-name");
  chart.append(makeSvg("line", { class: "threshold", x1: at, x2: at, y1: TOP - 20, y2: floor }), named);
  return chart;
}

function extent(scores, threshold) {
  const max = scores.reduce((a, b) => Math.max(a, b), threshold);
  const min = scores.reduce((a, b) => Math.min(a, b), threshold);
  const above = max - threshold || threshold - min || 1;
  const low = Math.max(min, threshold - 1.5 * above);
  const high = max + 0.02 * (max - low || 1);
  return { low: low - 0.02 * (high - low), high, isCut: min < low };
}

/** Bars on both sides of the threshold; none crosses it. */
function counted(scores, threshold, low, high, nBins) {
  const nBelow = Math.min(nBins - 1, Math.max(1, Math.round((nBins * (threshold - low)) / (high - low))));
  const sides = [[low, threshold, nBelow, true], [threshold, high, nBins - nBelow, false]];
  const bins = sides.flatMap(([begin, end, n, isOdd]) =>
    Array.from({ length: n }, (_, index) => ({
      begin: begin + ((end - begin) * index) / n, end: begin + ((end - begin) * (index + 1)) / n, n: 0, isOdd,
    })));
  for (const score of scores) {
    const [begin, end, n, first] = score < threshold ? [low, threshold, nBelow, 0] : [threshold, high, nBins - nBelow, nBelow];
    const index = Math.floor(((score - begin) / (end - begin)) * n);
    bins[first + Math.min(n - 1, Math.max(0, index))].n++;
  }
  return bins;
}

function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

const label = (x, y, anchor, text) => makeSvg("text", { x, y, "text-anchor": anchor }, text);
