// Runs before the first paint: what needs scripts is shown, and what stands in for it is folded.
document.documentElement.classList.add("scripted");
