using System.Text;

namespace Mewe.Store;

/// <summary>Text that every store can keep. PostgreSQL's text has no U+0000 and neither has UTF-8 lone surrogates, but names in modules may be made to contain anything.</summary>
public static class StoredText
{
    /// <summary>The same text with U+2400, the picture of U+0000, in its place, and U+FFFD for what is not Unicode.</summary>
    public static string Of(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') && !text.Contains('\0'))
        {
            return text;
        }

        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            clean.Append(rune.Value == 0 ? "\u2400" : rune.ToString());
        }

        return clean.ToString();
    }
}
