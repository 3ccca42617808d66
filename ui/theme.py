"""The look of the page: Gradio's theme variables bound to the custom properties of `theme.css`, and all stylesheets joined."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent


def css() -> str:
    """Every stylesheet of this folder in one string, `theme.css` first.

    `THEME` carries it already, so launch(theme=THEME) is enough; Gradio rewrites what launch(css=...) gets and loses some rules.
    """
    sheets = sorted(HERE.glob("*.css"), key=lambda path: (path.name != "theme.css", path.name))
    return "\n".join(path.read_text(encoding="utf-8") for path in sheets)


def _theme() -> gr.themes.Base:
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.emerald,
        secondary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
        font=("Inter", "ui-sans-serif", "system-ui", "Segoe UI", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "Menlo", "monospace"),
    )
    one_for_both = {
        "body_background_fill": "var(--paper)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--dim)",
        "background_fill_primary": "var(--card)",
        "background_fill_secondary": "var(--paper)",
        "border_color_primary": "var(--line)",
        "border_color_accent": "var(--accent)",
        "border_color_accent_subdued": "var(--line)",
        "color_accent_soft": "var(--soft)",
        "link_text_color": "var(--accent)",
        "link_text_color_hover": "var(--accent)",
        "link_text_color_active": "var(--accent)",
        "link_text_color_visited": "var(--accent)",
        "code_background_fill": "var(--paper)",
        "block_background_fill": "var(--card)",
        "block_border_color": "var(--line)",
        "block_border_width": "1px",
        "block_shadow": "none",
        "block_info_text_color": "var(--dim)",
        "block_label_background_fill": "var(--card)",
        "block_label_border_color": "var(--line)",
        "block_label_text_color": "var(--dim)",
        "block_title_text_color": "var(--dim)",
        "block_title_background_fill": "none",
        "panel_background_fill": "var(--card)",
        "panel_border_color": "var(--line)",
        "accordion_text_color": "var(--ink)",
        "table_text_color": "var(--ink)",
        "table_border_color": "var(--line)",
        "table_even_background_fill": "var(--card)",
        "table_odd_background_fill": "var(--paper)",
        "table_row_focus": "var(--soft)",
        "checkbox_background_color": "var(--card)",
        "checkbox_background_color_hover": "var(--card)",
        "checkbox_background_color_focus": "var(--card)",
        "checkbox_background_color_selected": "var(--accent)",
        "checkbox_border_color": "var(--edge)",
        "checkbox_border_color_hover": "var(--accent)",
        "checkbox_border_color_focus": "var(--accent)",
        "checkbox_border_color_selected": "var(--accent)",
        "checkbox_label_background_fill": "var(--card)",
        "checkbox_label_background_fill_hover": "var(--soft)",
        "checkbox_label_background_fill_selected": "var(--soft)",
        "checkbox_label_border_color": "var(--line)",
        "checkbox_label_border_color_hover": "var(--accent)",
        "checkbox_label_border_color_selected": "var(--accent)",
        "checkbox_label_text_color": "var(--ink)",
        "checkbox_label_text_color_selected": "var(--ink)",
        "checkbox_label_shadow": "none",
        "error_background_fill": "var(--bad-soft)",
        "error_border_color": "var(--bad)",
        "error_text_color": "var(--bad)",
        "error_icon_color": "var(--bad)",
        "input_background_fill": "var(--paper)",
        "input_background_fill_hover": "var(--paper)",
        "input_background_fill_focus": "var(--card)",
        "input_border_color": "var(--line)",
        "input_border_color_hover": "var(--edge)",
        "input_border_color_focus": "var(--accent)",
        "input_border_width": "1px",
        "input_placeholder_color": "var(--dim)",
        "input_shadow": "none",
        "input_shadow_focus": "0 0 0 3px var(--soft)",
        "loader_color": "var(--accent)",
        "slider_color": "var(--accent)",
        "stat_background_fill": "var(--soft)",
        "button_primary_background_fill": "var(--accent)",
        "button_primary_background_fill_hover": "color-mix(in srgb, var(--accent) 88%, var(--ink))",
        "button_primary_border_color": "var(--accent)",
        "button_primary_border_color_hover": "var(--accent)",
        "button_primary_text_color": "var(--accent-ink)",
        "button_primary_text_color_hover": "var(--accent-ink)",
        "button_primary_shadow": "none",
        "button_primary_shadow_hover": "none",
        "button_primary_shadow_active": "none",
        "button_secondary_background_fill": "var(--card)",
        "button_secondary_background_fill_hover": "var(--soft)",
        "button_secondary_border_color": "var(--line)",
        "button_secondary_border_color_hover": "var(--accent)",
        "button_secondary_text_color": "var(--ink)",
        "button_secondary_text_color_hover": "var(--ink)",
        "button_secondary_shadow": "none",
        "button_secondary_shadow_hover": "none",
        "button_secondary_shadow_active": "none",
        "button_cancel_background_fill": "var(--card)",
        "button_cancel_background_fill_hover": "var(--bad-soft)",
        "button_cancel_border_color": "var(--bad)",
        "button_cancel_border_color_hover": "var(--bad)",
        "button_cancel_text_color": "var(--bad)",
        "button_cancel_text_color_hover": "var(--bad)",
        "button_cancel_shadow": "none",
        "button_cancel_shadow_hover": "none",
        "button_cancel_shadow_active": "none",
    }
    theme.set(
        **one_for_both,
        # The page's own properties change under .dark, so the dark variant of every variable is the same reference.
        **{f"{name}_dark": value for name, value in one_for_both.items()},
        color_accent="var(--accent)",
        body_text_size="14px",
        prose_text_size="14px",
        block_radius="12px",
        container_radius="12px",
        block_label_radius="8px",
        block_padding="14px 16px",
        block_title_text_size="13px",
        block_title_text_weight="600",
        block_label_text_size="12.5px",
        block_label_text_weight="600",
        block_info_text_size="12.5px",
        section_header_text_size="14px",
        section_header_text_weight="400",
        input_radius="8px",
        input_text_size="14px",
        input_padding="8px 10px",
        layout_gap="14px",
        form_gap_width="0px",
        checkbox_border_radius="4px",
        checkbox_border_width="1.5px",
        button_border_width="1px",
        button_large_radius="9px",
        button_medium_radius="9px",
        button_small_radius="8px",
        button_large_padding="9px 18px",
        button_medium_padding="7px 14px",
        button_small_padding="3px 10px",
        button_large_text_size="14px",
        button_medium_text_size="14px",
        button_small_text_size="12.5px",
        button_large_text_weight="600",
        button_medium_text_weight="600",
        button_small_text_weight="400",
        table_radius="8px",
    )
    theme.name = "soundcheck"
    theme.custom_css = css()
    return theme


THEME = _theme()
