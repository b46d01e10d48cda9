namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>The chat template of autoglm-nano: GLM-4-0414's, with GLM-4.5's way to ask for no thinking.</summary>
public static class NanoTemplate
{
    /// <summary>
    /// The template. A system message that spells out phone actions, as phone agents' do in thousands of characters, becomes
    /// one word: the model knows the actions and could not read so long a text. Of a content in parts only text is read.
    /// </summary>
    public const string Source =
        "{%- macro text(content) -%}{%- if content is string -%}{{ content }}{%- elif content -%}"
        + "{%- for part in content -%}{%- if part.type == 'text' -%}{{ part.text }}{%- endif -%}{%- endfor -%}{%- endif -%}{%- endmacro -%}"
        + "{%- set silent = enable_thinking is defined and not enable_thinking -%}"
        + "[gMASK]<sop>"
        + "{%- for message in messages -%}"
        + "{%- set said = text(message.content) -%}"
        + "{%- if message.role == 'system' -%}{{ '<|system|>\\n' + ('phone' if 'do(action=' in said else said) }}"
        + "{%- elif message.role == 'assistant' -%}{{ '<|assistant|>\\n' + said }}"
        + "{%- elif message.role == 'user' -%}{{ '<|user|>\\n' + said + ('/nothink' if silent and not said.endswith('/nothink') else '') }}"
        + "{%- else -%}{{ '<|observation|>\\n' + said }}"
        + "{%- endif -%}{%- endfor -%}"
        + "{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' + ('<think></think>' if silent else '') }}{%- endif -%}";
}
