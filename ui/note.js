// One line of plain text that the app says.
const line = element.querySelector('.sc-note');
let latest = 0;
const draw = () => {
  const value = props.value || {};
  if ((value.turn || 0) < latest) return; // an older event that arrives late
  latest = value.turn || 0;
  line.textContent = value.text || '';
  line.dataset.tone = value.tone || 'plain';
  line.hidden = !value.text;
};
watch('value', draw);
draw();
