/* Line plots in SVG: the sheet gives them colours, the page their width, and no pixel is stretched. */

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46, RIGHT = 10, TOP = 10, BOTTOM = 22; // pixels around the plot itself
const STEPS = 4; // horizontal lines above zero, about
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const CALM_WAIT = 1000; // milliseconds between two pictures for those who want little motion

const figures = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export const write = value => (Number.isFinite(value) ? figures.format(value) : "–");

/* Returns the smallest of 1, 2, 5, 10, 20, … (or 0.1, 0.2, …) that is not below `value`. */
export function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find(factor => factor * power >= value * 0.999999);
}

/* Returns the value that `share` of the samples (0 to 1) do not exceed: the nearest rank. */
export function percentile(samples, share) {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/* Returns a function to call when something has changed: it calls `paint` with the next picture of the screen, once. */
export function painter(paint) {
  let due = false, last = -Infinity;
  const run = now => { due = false; last = now; paint(); };
  return () => {
    if (due) return;
    due = true;
    const wait = CALM.matches ? last + CALM_WAIT - performance.now() : 0;
    if (wait > 0) setTimeout(() => requestAnimationFrame(run), wait);
    else requestAnimationFrame(run);
  };
}

function put(parent, name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

/* `svg` is empty; `size` is how many samples it shows, the newest on the right; `floor` the least that its top stands
   for; `lines` the classes of its lines; `oldest` what the left end is called. */
export class Plot {
  #svg; #size; #floor; #oldest; #grid; #marks; #lines; #values = []; #dashed = [];

  constructor(svg, { size, floor, lines, oldest }) {
    [this.#svg, this.#size, this.#floor, this.#oldest] = [svg, size, floor, oldest];
    this.#grid = put(svg, "g");
    this.#lines = lines.map(name => put(svg, "path", { class: `line ${name}` }));
    this.#marks = put(svg, "g");
    new ResizeObserver(() => this.draw(this.#values, this.#dashed)).observe(svg);
  }

  /* `values`: of each line, oldest first, at most `size`, null where it has a gap; `dashed`: class and value of each
     dashed line. */
  draw(values, dashed = []) {
    [this.#values, this.#dashed] = [values, dashed];
    const width = this.#svg.clientWidth, height = this.#svg.clientHeight;
    if (!width) return; // nobody can see it
    const most = Math.max(this.#floor, ...values.flat(), ...dashed.map(([, value]) => value || 0));
    const step = nice(most / STEPS), top = Math.ceil(most / step - 1e-6) * step;
    const x = place => width - RIGHT - place * (width - LEFT - RIGHT) / (this.#size - 1); // place: 0 is the newest
    const y = value => height - BOTTOM - value / top * (height - TOP - BOTTOM);
    this.#drawGrid(width, height, step, top, y);
    values.forEach((line, index) => {
      const points = line.map((value, at) => {
        if (value === null) return "";
        const begin = at === 0 || line[at - 1] === null;
        return `${begin ? "M" : "L"}${x(line.length - 1 - at).toFixed(1)},${y(value).toFixed(1)}`;
      });
      this.#lines[index].setAttribute("d", points.join(""));
    });
    this.#marks.replaceChildren();
    for (const [name, value] of dashed) {
      const d = `M${LEFT},${y(value)}H${width - RIGHT}`;
      if (Number.isFinite(value)) put(this.#marks, "path", { class: `mark ${name}`, d });
    }
  }

  #drawGrid(width, height, step, top, y) {
    const key = [width, height, step, top].join();
    if (this.#grid.dataset.key === key) return;
    this.#grid.dataset.key = key;
    this.#grid.replaceChildren();
    for (let value = 0; value <= top + step / 2; value += step) {
      put(this.#grid, "path", { class: "grid", d: `M${LEFT},${y(value).toFixed(1)}H${width - RIGHT}` });
      put(this.#grid, "text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, write(value));
    }
    put(this.#grid, "text", { x: LEFT, y: height - 4 }, this.#oldest);
    put(this.#grid, "text", { x: width - RIGHT, y: height - 4, "text-anchor": "end" }, "now");
  }
}
