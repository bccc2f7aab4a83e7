"use strict";
// The filter by verdict and experiment. It is kept in the address: #filter=VERDICT,EXPERIMENT
const form = document.getElementById("filter");
const select = {verdict: form.elements.verdict, experiment: form.elements.experiment};
const tests = [...document.querySelectorAll("article[data-verdict]")];

function apply() {
  const verdict = select.verdict.value, experiment = select.experiment.value;
  const fits = (data) => (!verdict || data.verdict === verdict) && (!experiment || data.experiment === experiment);
  for (const test of document.querySelectorAll("[data-verdict]")) test.hidden = !fits(test.dataset);
  for (const cell of document.querySelectorAll("[data-column]")) {
    cell.hidden = experiment !== "" && cell.dataset.column !== experiment;
  }
  for (const row of document.querySelectorAll(".matrix tbody tr")) {
    row.hidden = !row.querySelector("a:not([hidden])");
  }
  for (const chapter of document.querySelectorAll("[data-chapter]")) {
    const other = experiment && chapter.dataset.chapter !== experiment;
    chapter.hidden = other || (verdict && !chapter.querySelector("article:not([hidden])"));
  }
  const shown = tests.filter((test) => !test.hidden).length;
  form.querySelector("output").textContent = `${shown} of ${tests.length} tests`;
}

function fromAddress() {
  const hash = decodeURIComponent(location.hash.slice(1));
  if (hash.startsWith("filter=")) {
    [select.verdict.value, select.experiment.value] = [...hash.slice("filter=".length).split(","), ""];
  } else if (document.getElementById(hash)?.closest("[hidden]")) {
    form.reset(); // a link to what is hidden shows everything again
  }
  apply();
  if (!hash.startsWith("filter=")) document.getElementById(hash)?.scrollIntoView();
}

form.addEventListener("change", () => {
  history.replaceState(null, "", `#filter=${encodeURIComponent(select.verdict.value)},${select.experiment.value}`);
  apply();
});
form.addEventListener("reset", () => setTimeout(() => form.dispatchEvent(new Event("change"))));
form.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", fromAddress);
fromAddress();
