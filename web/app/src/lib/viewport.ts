/** The height that the keyboard leaves, as `--visible-height`: iOS lays out behind its keyboard. */
export function followKeyboard(): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const fit = () => {
    // Zoomed in, the page keeps its size.
    if (viewport.scale > 1.01) return;
    document.documentElement.style.setProperty('--visible-height', `${viewport.height}px`);
    if (viewport.offsetTop > 0) window.scrollTo(0, 0);
  };
  viewport.addEventListener('resize', fit);
  viewport.addEventListener('scroll', fit);
  fit();
}
