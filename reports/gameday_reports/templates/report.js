// One time axis for all charts: drag, buttons or keys zoom it, a pointer reads the values. Without this the page is complete.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("readout").textContent);
  const NS = "http://www.w3.org/2000/svg";
  const LANE = 14, CHARACTER = 6.3, GAP = 4, SPARE = 10, MERGE = 3, SEPARATOR = " · ";
  const whole = [data.since, data.until];
  let view = whole.slice();

  const node = (name, attributes, parent) => {
    const made = document.createElementNS(NS, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (parent) parent.appendChild(made);
    return made;
  };
  const place = (element) => {
    const found = /translate\(([-\d.e]+)[ ,]+([-\d.e]+)\)/.exec(element.getAttribute("transform") || "");
    return found ? [+found[1], +found[2]] : [0, 0];
  };

  // What the server drew, and how each piece follows the axis: shapes are stretched, labels are placed anew.
  const charts = [...document.querySelectorAll("svg.chart")].map((svg) => {
    const [left, top, width, height] = svg.dataset.plot.split(" ").map(Number);
    const chart = { svg, left, top, width, height, stretched: [], id: svg.dataset.panel };
    const clip = node("clipPath", { id: "zoom-" + chart.id + (svg.classList.contains("narrow") ? "-n" : "-w") }, svg);
    node("rect", { x: 0, y: -top, width: width + 1, height: top + height + 1 }, clip);
    for (const group of svg.querySelectorAll(".role-mark")) {
      const name = group.getAttribute("class");
      if (/limit|labels|clocks/.test(name)) continue;
      const inner = node("g", {});
      inner.append(...group.childNodes);
      group.appendChild(inner);
      group.setAttribute("clip-path", `url(#${clip.id})`);
      chart.stretched.push(inner);
    }
    chart.labels = [...svg.querySelectorAll("[class*=labels]")];
    chart.lines = svg.querySelector(".clocks_marks");
    chart.root = svg.querySelector(".role-frame > g > g") || svg.querySelector("g");
    chart.ticks = svg.querySelector(".mark-rule.role-axis-tick");
    chart.numbers = chart.ticks && chart.ticks.parentNode.querySelector(".mark-text.role-axis-label");
    chart.over = node("g", { transform: `translate(${left},${top})` }, svg);
    chart.cursor = node("line", { class: "cursor", y1: 0, y2: height, visibility: "hidden" }, chart.over);
    chart.brush = node("rect", { class: "brush", y: 0, height, width: 0, visibility: "hidden" }, chart.over);
    chart.own = node("g", {}, chart.over);
    return chart;
  });
  if (!charts.length) return copying();

  const scale = (chart) => chart.width / (view[1] - view[0]);
  const xOf = (chart, t) => (t - view[0]) * scale(chart);

  function axis(chart) {
    if (!chart.ticks || !chart.numbers) return;
    if (!chart.first) {
      chart.first = [chart.ticks.innerHTML, chart.numbers.innerHTML];
      chart.tick = chart.ticks.firstElementChild.cloneNode(true);
      chart.number = chart.numbers.firstElementChild.cloneNode(true);
    }
    const rough = (view[1] - view[0]) / (chart.width > 500 ? 10 : 5);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const y = place(chart.number)[1];
    chart.ticks.replaceChildren();
    chart.numbers.replaceChildren();
    for (let i = Math.ceil(view[0] / step - 1e-9); i * step <= view[1] + 1e-9; i++) {
      const x = xOf(chart, i * step);
      const tick = chart.tick.cloneNode(true), text = chart.number.cloneNode(true);
      tick.setAttribute("transform", `translate(${x},0)`);
      text.setAttribute("transform", `translate(${x},${y})`);
      text.setAttribute("text-anchor", x < 12 ? "start" : x > chart.width - 12 ? "end" : "middle");
      text.textContent = (i * step).toFixed(places) + " s";
      chart.ticks.appendChild(tick);
      chart.numbers.appendChild(text);
    }
  }

  // The same rule as the server's lanes.py.
  function labels(chart) {
    const zoomed = view[0] !== whole[0] || view[1] !== whole[1];
    for (const group of [...chart.labels, chart.lines]) if (group) group.style.display = zoomed ? "none" : "";
    chart.own.replaceChildren();
    if (!zoomed) return;
    const labelled = chart.labels.some((group) => group.children.length);
    const line = (t, y1) => node("line", {
      class: "zline", x1: xOf(chart, t), x2: xOf(chart, t), y1, y2: chart.height, stroke: "var(--c-clock)",
    }, chart.own);
    const groups = [];
    for (const [name, t] of Object.entries(data.clocks).sort((a, b) => a[1] - b[1])) {
      if (t < view[0] || t > view[1]) continue;
      const last = groups[groups.length - 1];
      if (last && (t - last.t) * scale(chart) < MERGE) last.names.push(name), last.times.push(t);
      else groups.push({ names: [name], times: [t], t });
    }
    if (!labelled) {
      for (const { times } of groups) for (const t of times) line(t, 0);
      return;
    }
    const placed = [];
    for (const { names, times, t } of groups) {
      const text = names.join(SEPARATOR), x = xOf(chart, t), width = text.length * CHARACTER;
      const flipped = x + GAP + width > chart.width + SPARE;
      const box = flipped ? [x - GAP - width, x] : [x, x + GAP + width];
      const below = placed.filter((o) => box[0] < o.box[1] + GAP && box[1] > o.box[0]).map((o) => o.lane);
      placed.push({ text, x, box, flipped, times, lane: 1 + Math.max(-1, ...below) });
    }
    const room = Math.floor((chart.top - 12) / LANE);
    const count = Math.max(room, 1 + Math.max(-1, ...placed.map((label) => label.lane)));
    for (const { text, x, lane, flipped, times } of placed) {
      const y = -4 - LANE * (count - 1 - lane);
      for (const t of times) line(t, y - 9);
      const made = node("text", {
        class: "zlabel", x: flipped ? x - GAP : x + GAP, y, "font-size": 11,
        "text-anchor": flipped ? "end" : "start", fill: "var(--c-ink)",
      }, chart.own);
      made.textContent = text;
    }
  }

  function draw() {
    const factor = (whole[1] - whole[0]) / (view[1] - view[0]);
    for (const chart of charts) {
      const shift = -(view[0] - whole[0]) * scale(chart);
      for (const group of chart.stretched) group.setAttribute("transform", `translate(${shift},0) scale(${factor},1)`);
      axis(chart);
      labels(chart);
    }
    const all = view[0] === whole[0] && view[1] === whole[1];
    range.textContent = all ? "" : `${view[0].toFixed(2)} s to ${view[1].toFixed(2)} s`;
    mark(null);
  }

  function show(from, to) {
    const least = 0.2, length = Math.min(Math.max(to - from, least), whole[1] - whole[0]);
    const start = Math.min(Math.max(from, whole[0]), whole[1] - length);
    view = [start, start + length];
    draw();
  }

  function act(what) {
    const length = view[1] - view[0], middle = (view[0] + view[1]) / 2, times = Object.values(data.clocks);
    if (what === "all") show(...whole);
    else if (what === "fault" && times.length) {
      const from = Math.min(...times), to = "recovered" in data.clocks ? Math.max(...times) : whole[1];
      const room = Math.max((to - from) * 0.15, 0.5);
      show(from - room, to + room);
    } else if (what === "in") show(middle - length / 4, middle + length / 4);
    else if (what === "out") show(middle - length, middle + length);
    else if (what === "left") show(view[0] - length / 4, view[1] - length / 4);
    else if (what === "right") show(view[0] + length / 4, view[1] + length / 4);
  }

  const units = {
    rate: (v) => (Math.round(v * 10) / 10) + "/s",
    percent: (v) => (v * 100).toFixed(v > 0 && v < 0.01 ? 2 : 1) + " %",
    latency: (v) => (v < 1 ? (v * 1000).toPrecision(3) / 1 + " ms" : v.toFixed(2) + " s"),
  };
  const panels = new Map(data.panels.map((panel) => [panel.id, panel]));
  const keys = new Map([...document.querySelectorAll(".panel")].map((panel) => {
    const outs = [...panel.querySelectorAll(".key:not(.fixed)")].map((key) => key.appendChild(document.createElement("output")));
    for (const out of outs) out.setAttribute("aria-live", "off");
    return [panel.dataset.panel, outs];
  }));

  function mark(t) {
    for (const chart of charts) {
      chart.cursor.setAttribute("visibility", t === null ? "hidden" : "visible");
      if (t !== null) {
        chart.cursor.setAttribute("x1", xOf(chart, t));
        chart.cursor.setAttribute("x2", xOf(chart, t));
      }
    }
    for (const [id, outs] of keys) {
      const panel = panels.get(id), bin = t === null ? -1 : Math.floor((t - panel.start) / panel.width);
      outs.forEach((out, i) => {
        const values = panel.series[i].values, inside = bin >= 0 && bin < values.length;
        out.textContent = !inside ? "" : values[bin] === null ? "no data" : units[panel.unit](values[bin]);
      });
    }
    if (t !== null) range.textContent = `at ${t.toFixed(2)} s`;
  }

  const bar = document.querySelector(".zoom"), range = bar.querySelector("output");
  bar.hidden = false;
  if (!Object.keys(data.clocks).length) bar.querySelector("[data-zoom=fault]").hidden = true;
  bar.addEventListener("click", (event) => event.target.dataset.zoom && act(event.target.dataset.zoom));

  for (const chart of charts) {
    const timeAt = (event) => {
      const box = chart.svg.getBoundingClientRect(), whole_ = chart.svg.viewBox.baseVal.width;
      const x = ((event.clientX - box.left) / box.width) * whole_ - chart.left;
      return view[0] + Math.min(Math.max(x, 0), chart.width) / scale(chart);
    };
    let from = null;
    chart.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = timeAt(event);
      chart.svg.setPointerCapture(event.pointerId);
    });
    chart.svg.addEventListener("pointermove", (event) => {
      const t = timeAt(event);
      mark(t);
      if (from === null) return;
      chart.brush.setAttribute("x", xOf(chart, Math.min(from, t)));
      chart.brush.setAttribute("width", Math.abs(t - from) * scale(chart));
      chart.brush.setAttribute("visibility", "visible");
    });
    const end = (event) => {
      chart.brush.setAttribute("visibility", "hidden");
      const t = timeAt(event), begun = from;
      from = null;
      if (event.type === "pointerup" && begun !== null && Math.abs(t - begun) * scale(chart) > 6) show(Math.min(begun, t), Math.max(begun, t));
    };
    chart.svg.addEventListener("pointerup", end);
    chart.svg.addEventListener("pointercancel", end);
    chart.svg.addEventListener("pointerleave", () => from === null && draw_range());
    chart.svg.addEventListener("dblclick", () => act("all"));
  }
  function draw_range() {
    mark(null);
    const all = view[0] === whole[0] && view[1] === whole[1];
    range.textContent = all ? "" : `${view[0].toFixed(2)} s to ${view[1].toFixed(2)} s`;
  }
  window.addEventListener("beforeprint", () => show(...whole));
  copying();

  function copying() {
    for (const button of document.querySelectorAll(".copy")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const code = document.getElementById(button.dataset.copy) || button.parentNode.querySelector("code");
        try {
          await navigator.clipboard.writeText(code.textContent);
          button.textContent = "Copied";
        } catch {
          const folded = code.closest("details");
          if (folded) folded.open = true;
          getSelection().selectAllChildren(code);
          button.textContent = "Selected";
        }
      });
    }
  }
})();
