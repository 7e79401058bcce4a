using System.Globalization;
using Mewe.Wasm.Names;

namespace Mewe.Wasm.Text;

/// <summary>
/// Identifiers for the text format made from the name section: unique in their index space, in quotes where the name has other characters than
/// identifiers may have. What has no name is called by its index.
/// </summary>
internal sealed class WatNames
{
    private readonly NameSection names;
    private readonly Dictionary<uint, string>?[] spaces = new Dictionary<uint, string>?[(int)NameKind.Tag + 1];
    private readonly Dictionary<uint, Dictionary<uint, string>> fields = [];

    public WatNames(WasmModule module) => names = NameSection.Of(module, out _) ?? new NameSection();

    public string? Module => names.Module is { Length: > 0 } name ? Identifier(name) : null;

    /// <summary>How code calls something: $name, or its index.</summary>
    public string Reference(NameKind kind, uint index) => Space(kind).GetValueOrDefault(index) ?? index.ToString(CultureInfo.InvariantCulture);

    /// <summary>What a definition starts with: its identifier, if any, and its index as a comment.</summary>
    public string Definition(NameKind kind, uint index) =>
        Space(kind).TryGetValue(index, out var name) ? $" {name} (;{index};)" : string.Create(CultureInfo.InvariantCulture, $" (;{index};)");

    public string? Field(uint type, uint field)
    {
        if (!fields.TryGetValue(type, out var map))
        {
            fields.Add(type, map = names.Fields.TryGet(type, out var named) ? Identifiers(named) : []);
        }

        return map.GetValueOrDefault(field);
    }

    public IReadOnlyDictionary<uint, string> Locals(uint function) => names.Locals.TryGet(function, out var map) ? Identifiers(map) : [];

    public IReadOnlyDictionary<uint, string> Labels(uint function) => names.Labels.TryGet(function, out var map) ? Identifiers(map) : [];

    private Dictionary<uint, string> Space(NameKind kind) => spaces[(int)kind] ??= Identifiers(names[kind]);

    private static Dictionary<uint, string> Identifiers(NameMap map)
    {
        var identifiers = new Dictionary<uint, string>(map.Count);
        var taken = new HashSet<string>(map.Select(entry => entry.Value), StringComparer.Ordinal);
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, name) in map)
        {
            if (name.Length == 0)
            {
                continue;
            }

            // The first keeps the name; the others get their index, and more of it where that is a name too.
            var unique = name;
            while (!used.Add(unique))
            {
                do
                {
                    unique = string.Create(CultureInfo.InvariantCulture, $"{unique}#{index}");
                }
                while (taken.Contains(unique));
            }

            identifiers.Add(index, Identifier(unique));
        }

        return identifiers;
    }

    private static string Identifier(string name) => name.All(IsIdentifierCharacter) ? "$" + name : "$" + WatLiteral.Quote(name);

    private static bool IsIdentifierCharacter(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-./:<=>?@\\^_`|~".Contains(c);
}
