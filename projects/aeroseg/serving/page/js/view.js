// The picture: the scene, the map over it, swipe, and what is at the pointer.
// Places are pixels of the scene: latitude is the row, longitude the column.

import { get } from "./api.js";

const Tiles = L.TileLayer.extend({
  // New content without a flicker: old tiles stay until the new ones are here.
  refresh(url) {
    this._url = url;
    for (const { el, coords } of Object.values(this._tiles)) {
      el.src = this.getTileUrl(coords);
    }
  },
});

export class View {
  constructor(element, divider, pointer) {
    this.element = element;
    this.divider = divider;
    this.pointer = pointer;
    this.opacity = 0.65;
    this.scene = null;
    this.map = null;
    this.overlay = null;
    this.job = null;
    const slider = divider.querySelector("input");
    slider.addEventListener("input", () => this.clip());
  }

  show(scene) {
    if (this.map) this.map.remove();
    this.scene = scene;
    this.overlay = this.job = null;
    const step = 1 / 2 ** scene.levels;
    const crs = L.extend({}, L.CRS.Simple, {
      transformation: new L.Transformation(step, 0, step, 0),
    });
    const bounds = L.latLngBounds([0, 0], [scene.height, scene.width]);
    this.map = L.map(this.element, {
      crs,
      attributionControl: false,
      minZoom: -4,
      maxZoom: scene.levels + 4,
      zoomSnap: 0.25,
      wheelPxPerZoomLevel: 120,
      maxBounds: bounds.pad(0.5),
    });
    this.settings = {
      bounds,
      tileSize: 256,
      minZoom: -4,
      minNativeZoom: 0,
      maxNativeZoom: scene.levels,
      maxZoom: scene.levels + 4,
      noWrap: true,
    };
    this.map.createPane("labels").style.zIndex = 450;
    this.map.getPane("labels").classList.add("pixels");
    new Tiles(`api/scenes/${scene.id}/tiles/{z}/{x}/{y}.png`, this.settings).addTo(this.map);
    this.map.fitBounds(bounds, { animate: false });
    this.map.on("move zoom resize", () => this.clip());
    this.map.on("mousemove", (event) => this.point(event.latlng));
    this.map.on("mouseout", () => this.leave());
    this.clip();
  }

  // What is visible, in pixels of the scene: column, row, width, height.
  get visible() {
    const { height, width } = this.scene;
    const bounds = this.map.getBounds();
    const rows = [bounds.getSouth(), bounds.getNorth()].sort((a, b) => a - b);
    const left = Math.max(0, Math.floor(bounds.getWest()));
    const top = Math.max(0, Math.floor(rows[0]));
    const right = Math.min(width, Math.ceil(bounds.getEast()));
    const bottom = Math.min(height, Math.ceil(rows[1]));
    if (right <= left || bottom <= top) return null;
    return [left, top, right - left, bottom - top];
  }

  // Shows a job's map, or the heat map of one of its classes.
  paint(job, heat = null) {
    const layer = heat === null ? "tiles" : `heat/${heat}`;
    const url = `api/jobs/${job.id}/${layer}/{z}/{x}/{y}.png?v=${job.state}-${job.version}`;
    const same = this.job === job.id && this.heat === heat;
    this.job = job.id;
    this.heat = heat;
    if (same && this.overlay) {
      if (url !== this.url) this.overlay.refresh(url);
    } else {
      if (this.overlay) this.overlay.remove();
      this.overlay = new Tiles(url, { ...this.settings, pane: "labels", opacity: this.opacity });
      this.overlay.addTo(this.map);
    }
    this.url = url;
    this.clip();
  }

  clear() {
    if (this.overlay) this.overlay.remove();
    this.overlay = this.job = null;
  }

  setOpacity(value) {
    this.opacity = value;
    if (this.overlay) this.overlay.setOpacity(value);
  }

  setSwipe(on) {
    this.divider.hidden = !on;
    this.clip();
  }

  clip() {
    if (!this.map) return;
    const pane = this.map.getPane("labels");
    if (this.divider.hidden) {
      pane.style.clip = "";
      return;
    }
    const share = this.divider.querySelector("input").value / 1000;
    this.divider.style.setProperty("--at", `${100 * share}%`);
    const size = this.map.getSize();
    const first = this.map.containerPointToLayerPoint([0, 0]);
    const last = this.map.containerPointToLayerPoint(size);
    const at = first.x + size.x * share;
    pane.style.clip = `rect(${first.y}px, ${last.x}px, ${last.y}px, ${at}px)`;
  }

  point(place) {
    clearTimeout(this.timer);
    const x = Math.floor(place.lng);
    const y = Math.floor(place.lat);
    const { width, height, id } = this.scene;
    if (x < 0 || y < 0 || x >= width || y >= height) {
      this.leave();
      return;
    }
    this.timer = setTimeout(async () => {
      const at = `at?x=${x}&y=${y}`;
      const [where, words] = await Promise.all([
        get(`scenes/${id}/${at}`).catch(() => ({})),
        this.job ? get(`jobs/${this.job}/${at}`).catch(() => ({})) : {},
      ]);
      this.describe(x, y, where.place, words.best || []);
    }, 120);
  }

  leave() {
    clearTimeout(this.timer);
    this.pointer.hidden = true;
  }

  describe(x, y, place, best) {
    const lines = best.map(([name, score]) => line("", name, score.toFixed(2)));
    let text = `column ${x}, row ${y}`;
    if (place) {
      const [longitude, latitude] = place;
      const east = `${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? "W" : "E"}`;
      const north = `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? "S" : "N"}`;
      text = `${north}, ${east} · ${text}`;
    }
    lines.push(line("where", text, ""));
    this.pointer.replaceChildren(...lines);
    this.pointer.hidden = false;
  }
}

function line(kind, first, second) {
  const element = document.createElement("div");
  element.className = kind;
  for (const text of [first, second]) {
    const part = document.createElement("span");
    part.textContent = text;
    element.append(part);
  }
  return element;
}
