// One line of plain text that the app says.
const line = element.querySelector('.sc-note');
const draw = () => {
  const value = props.value || {};
  line.textContent = value.text || '';
  line.dataset.tone = value.tone || 'plain';
  line.hidden = !value.text;
};
watch('value', draw);
draw();
