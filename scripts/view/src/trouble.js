// Says in the page what went wrong: a dump that is not as the schema says leaves a sentence, not half a page without one. The
// first module of all, so that what fails while the others begin is told, too.

window.addEventListener("error", (event) => {
  const told = document.getElementById("trouble");
  told.hidden = false;
  told.textContent = `This page could not show all of its dump: ${event.message}`;
});
