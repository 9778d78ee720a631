// The list of words: a colour, a name with synonyms, a button to remove it.

export class WordList {
  constructor(list, addButton, changed) {
    this.list = list;
    this.changed = changed;
    addButton.addEventListener("click", () => this.add("", null).focus());
  }

  get rows() {
    return [...this.list.children].map((row) => ({
      words: row.querySelector("input[type=text]").value,
      colour: row.dataset.chosen ? row.querySelector("input[type=color]").value : null,
    }));
  }

  // Colours of the rows that hold words, where the user has chosen none.
  suggest(colours) {
    const rows = [...this.list.children].filter((row) =>
      row.querySelector("input[type=text]").value.replace(/[ ;,]/g, ""),
    );
    if (rows.length !== colours.length) return;
    rows.forEach((row, index) => {
      if (!row.dataset.chosen) row.querySelector("input[type=color]").value = colours[index];
    });
  }

  set rows(rows) {
    this.list.replaceChildren();
    for (const row of rows) this.add(row.words, row.colour);
    if (!rows.length) this.add("", null);
  }

  add(words, colour, behind = null) {
    const row = document.createElement("li");
    const box = document.createElement("input");
    const chip = document.createElement("input");
    const remove = document.createElement("button");
    chip.type = "color";
    chip.value = colour || "#BBBBBB";
    if (colour) row.dataset.chosen = "yes";
    chip.setAttribute("aria-label", "Colour");
    box.type = "text";
    box.value = words;
    box.autocomplete = "off";
    box.spellcheck = false;
    box.placeholder = this.list.children.length ? "another word" : "building, house";
    box.setAttribute("aria-label", "Class and its synonyms");
    remove.type = "button";
    remove.textContent = "✕";
    remove.setAttribute("aria-label", "Remove this word");
    row.append(chip, box, remove);
    if (behind) behind.after(row);
    else this.list.append(row);
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.add("", null, row).focus();
      } else if (event.key === "Backspace" && !box.value && this.list.children.length > 1) {
        event.preventDefault();
        this.remove(row);
      }
    });
    box.addEventListener("input", () => {
      if (box.value.includes(";")) this.split(row, box);
      this.changed();
    });
    chip.addEventListener("input", () => {
      row.dataset.chosen = "yes";
      this.changed();
    });
    remove.addEventListener("click", () => this.remove(row));
    return box;
  }

  // "building; road" pasted into one line becomes two lines.
  split(row, box) {
    const [first, ...others] = box.value.split(";").map((part) => part.trim());
    box.value = first;
    let last = row;
    for (const part of others) {
      const added = this.add(part, null, last);
      last = added.parentElement;
      added.focus();
    }
  }

  remove(row) {
    const next = row.previousElementSibling || row.nextElementSibling;
    if (next) {
      row.remove();
      next.querySelector("input[type=text]").focus();
    } else {
      row.querySelector("input[type=text]").value = "";
    }
    this.changed();
  }
}
