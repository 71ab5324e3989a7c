'use strict';
(() => {
  const grids = document.querySelector('.grids');
  if (!grids) return;
  const figures = [...grids.querySelectorAll('figure')];
  const slider = grids.querySelector('input'), output = grids.querySelector('output');
  const play = grids.querySelector('.play');
  let timer = null;

  function show(place) {
    const kimg = Number(figures[place].dataset.kimg);
    figures.forEach((figure, other) => { figure.hidden = other !== place; });
    slider.value = place;
    output.value = 'kimg ' + Math.floor(kimg).toLocaleString('en');
    slider.setAttribute('aria-valuetext', output.value);
    for (const chart of document.querySelectorAll('.chart svg')) {
      const [first, last, left, right] = ['first', 'last', 'left', 'right'].map(name => Number(chart.dataset[name]));
      const x = left + (right - left) * (kimg - first) / (last - first);
      const cursor = chart.querySelector('.cursor');
      for (const end of ['x1', 'x2']) cursor.setAttribute(end, x >= left && x <= right ? x : -9);
    }
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = 'Play';
  }

  function start() {
    if (Number(slider.value) === figures.length - 1) show(0);
    play.textContent = 'Stop';
    timer = setInterval(() => {
      show(Number(slider.value) + 1);
      if (Number(slider.value) === figures.length - 1) stop();
    }, 350);
  }

  slider.addEventListener('input', () => { stop(); show(Number(slider.value)); });
  play.addEventListener('click', () => { if (timer === null) start(); else stop(); });
  for (const button of grids.querySelectorAll('[data-place]')) {
    button.addEventListener('click', () => { stop(); show(Number(button.dataset.place)); });
  }
  grids.querySelector('.controls').hidden = false;
  show(Number(slider.value));  // which a browser may have kept over a reload
})();
