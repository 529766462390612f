(() => {
  'use strict';
  // Everything works without this: it saves a new page for each answer, and shows what is sent.
  const copyable = (root) => {
    if (!navigator.clipboard) return;
    for (const pre of root.querySelectorAll('pre[data-copy]')) {
      const text = pre.textContent;
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'copy';
      button.textContent = 'Copy';
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(text);
        button.textContent = 'Copied';
        setTimeout(() => { button.textContent = 'Copy'; }, 1500);
      });
      pre.prepend(button);
    }
  };
  copyable(document);

  const form = document.querySelector('form[data-try]');
  if (!form) return;

  form.addEventListener('submit', async (event) => {
    if (form.dataset.plain) return;
    event.preventDefault();
    const button = event.submitter;
    const buttons = form.querySelectorAll('button');
    const data = new FormData(form, button);
    buttons.forEach((b) => { b.disabled = true; });
    try {
      const response = await fetch(form.action, { method: 'POST', body: data });
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      for (const id of ['answer', 'facts']) {
        const fresh = page.getElementById(id);
        if (fresh) {
          document.getElementById(id).replaceWith(document.adoptNode(fresh));
          copyable(document.getElementById(id));
        } else if (id === 'answer') {
          throw new Error('no answer in the page');
        }
      }
      buttons.forEach((b) => { b.disabled = false; });
    } catch {
      // Whatever it was, the browser shows it when it posts the form itself.
      buttons.forEach((b) => { b.disabled = false; });
      form.dataset.plain = 'yes';
      form.requestSubmit(button);
    }
  });

  const file = form.querySelector('input[type=file]');
  if (!file) return;
  const canvas = document.createElement('canvas');
  canvas.hidden = true;
  // Behind the last button: a picture that appears must not move a button from under the pointer.
  form.querySelector('button[value=picture]').after(canvas);
  file.addEventListener('change', async () => {
    canvas.hidden = true;
    const chosen = file.files[0];
    if (!chosen) return;
    try {
      const picture = await createImageBitmap(chosen);
      const scale = Math.min(1, 144 / Math.max(picture.width, picture.height));
      canvas.width = Math.max(1, Math.round(picture.width * scale));
      canvas.height = Math.max(1, Math.round(picture.height * scale));
      canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.hidden = false;
    } catch {
      // No picture: the server says so.
    }
  });
})();
