using System.Collections.Frozen;
using System.Reflection;

namespace Mewe.Store;

/// <summary>
/// The statements in an assembly's embedded .sql files, by name. A file is either one statement under the file's name, or several, each after a line `-- name: NAME`; all names of an assembly are
/// distinct.
/// </summary>
public sealed class SqlStatements
{
    private const string Marker = "-- name: ";

    private readonly FrozenDictionary<string, string> statements;

    /// <param name="prefix">Of the resources' names.</param>
    public SqlStatements(Assembly assembly, string prefix) =>
        statements = Files(assembly, prefix).SelectMany(file => Split(file.Name, file.Text)).ToFrozenDictionary(pair => pair.Name, pair => pair.Sql, StringComparer.Ordinal);

    /// <summary>A statement. There is no other way to reach one than by a name in the code, so one that is missing is a bug.</summary>
    public string this[string name] => statements.TryGetValue(name, out var sql) ? sql : throw new InvalidOperationException($"no statement {name}");

    /// <summary>The numbered migrations of an assembly (NNNN-name), in their order.</summary>
    public static IReadOnlyList<(int Number, string Name, string Sql)> Migrations(Assembly assembly, string prefix) =>
        [.. Files(assembly, prefix).Select(file => (Number: int.Parse(file.Name.Split('-')[0], System.Globalization.CultureInfo.InvariantCulture), file.Name, file.Text)).OrderBy(file => file.Number)];

    private static IEnumerable<(string Name, string Text)> Files(Assembly assembly, string prefix)
    {
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            yield return (resource[prefix.Length..], reader.ReadToEnd());
        }
    }

    private static IEnumerable<(string Name, string Sql)> Split(string file, string text)
    {
        if (!text.Contains(Marker, StringComparison.Ordinal))
        {
            yield return (file, text);
            yield break;
        }

        foreach (var part in text.Split(Marker).Skip(1))
        {
            var end = part.IndexOf('\n', StringComparison.Ordinal);
            var lines = part[(end + 1)..].Split('\n').Where(line => !line.StartsWith("--", StringComparison.Ordinal)); // remarks on the next statement stand before its marker
            yield return (part[..end].Trim(), string.Join('\n', lines).Trim());
        }
    }
}
