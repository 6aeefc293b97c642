/** What the report does once it is open: the answers, buttons that copy, tables opened for print. */
import { type PackedAnswers, unpackAnswers } from '../packedAnswers';
import { showAnswers } from './answers';
import { element } from './elements';

for (const code of document.querySelectorAll<HTMLElement>('pre.command')) {
  const button = element('button', { type: 'button', class: 'copy' }, 'Copy');
  button.addEventListener('click', async () => {
    const copied = await copy(code);
    button.textContent = copied ? 'Copied' : 'Press Ctrl+C';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  });
  code.after(button);
}

/** Where a page may not write to the clipboard, the text is selected. */
async function copy(code: HTMLElement): Promise<boolean> {
  getSelection()?.selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent ?? '');
    return true;
  } catch {
    return false;
  }
}

addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});

const data = document.getElementById('answers-data');
const place = document.getElementById('answers-table');
if (data && place) {
  showAnswers(unpackAnswers(JSON.parse(data.textContent!) as PackedAnswers), place);
}
