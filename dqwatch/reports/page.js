"use strict";
// Draws every figure of the page in the colours of its style sheet, again when those change, and for print.
(() => {
  const PRINTED = 680;
  const figures = [...document.querySelectorAll(".plot")].map((box) => {
    const source = box.querySelector("script");
    const spec = JSON.parse(source.textContent);
    source.remove();
    return { box, spec };
  });
  const land = document.getElementById("land");
  const coast = land ? readCoast(JSON.parse(land.textContent)) : null;

  function readCoast(packed) {
    const bytes = Uint8Array.from(atob(packed.share), (c) => c.charCodeAt(0));
    const rows = [];
    for (let i = 0; i < packed.rows; i += 1) {
      rows.push(Array.from(bytes.subarray(i * packed.columns, (i + 1) * packed.columns)));
    }
    const along = (n, first, step) => Array.from({ length: n }, (_, i) => first + i * step);
    return {
      x: along(packed.columns, packed.west, packed.step),
      y: along(packed.rows, packed.north, -packed.step),
      z: rows,
    };
  }

  function coastOf(axes) {
    return {
      type: "contour", ...coast, ...axes, autocontour: false, showscale: false, hoverinfo: "skip", line: { color: "var(--coast)", width: 1 },
      contours: { coloring: "none", start: 50, end: 50, size: 1, showlabels: false }, showlegend: false,
    };
  }

  function resolve(value, style) {
    if (typeof value === "string") {
      const found = /^var\((--[a-z0-9-]+)\)$/.exec(value);
      return found ? style.getPropertyValue(found[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((v) => resolve(v, style));
    if (value && typeof value === "object" && !ArrayBuffer.isView(value)) {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v, style)]));
    }
    return value;
  }

  // Titles of graphs in as many lines as it takes; their text has no markup but <br>.
  function wrapTitles(annotations, width) {
    const most = Math.max(Math.floor((width - 40) / 7), 16);
    return annotations.map((one) => {
      if (one.xref !== "paper" || one.x !== 0 || one.text.length <= most) return one;
      const lines = [""];
      for (const word of one.text.split(" ")) {
        const last = lines[lines.length - 1];
        if (last && last.length + word.length >= most) lines.push(word);
        else lines[lines.length - 1] = last ? `${last} ${word}` : word;
      }
      return { ...one, text: lines.join("<br>"), align: "left", font: { ...one.font, size: 12 } };
    });
  }

  function draw({ box, spec }, width) {
    const style = getComputedStyle(document.documentElement);
    const maps = (coast && spec.layout.meta && spec.layout.meta.coast) || [];
    const data = [...spec.data, ...maps.map(coastOf)];
    const meta = spec.layout.meta || {};
    const layout = { ...spec.layout, ...(width ? { width, autosize: false } : { autosize: true }) };
    if (meta.aspect) {  // maps are as high as their width asks for
      const room = Math.max((width || box.clientWidth) - 100, 200);
      layout.height = Math.round((room * meta.aspect) / (1 - meta.gaps) + 70);
      box.style.height = `${layout.height}px`;
    }
    if (box.clientWidth < 480) {
      Object.assign(layout, meta.narrow);
      if (layout.annotations) layout.annotations = wrapTitles(layout.annotations, box.clientWidth);
    }
    return Plotly.react(box, resolve(data, style), resolve(layout, style), { displaylogo: false, responsive: true });
  }

  const drawAll = (width) => Promise.all(figures.map((figure) => draw(figure, width)));
  drawAll().then(() => { document.documentElement.dataset.drawn = String(figures.length); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
  addEventListener("beforeprint", () => { document.documentElement.classList.add("on-paper"); drawAll(PRINTED); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("on-paper"); drawAll(); });
})();
