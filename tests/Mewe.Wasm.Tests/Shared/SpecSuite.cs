using System.Text.Json;

namespace Mewe.Wasm.Tests.Shared;

/// <summary>One module of the official suite and what the suite says of it.</summary>
/// <param name="Script">Path of the script below the suite's root, without extension.</param>
/// <param name="Type">The command: module, assert_invalid ...</param>
internal sealed record SpecModule(string Script, int Line, string Type, string Text, byte[] Bytes)
{
    public override string ToString() => $"{Script}:{Line} {Type} \"{Text}\"";
}

/// <summary>The official suite, unpacked once into memory.</summary>
internal static class SpecSuite
{
    /// <summary>Proposals that Mewe does not support.</summary>
    private static readonly string[] Unsupported = ["proposals/custom-descriptors/", "proposals/custom-page-sizes/", "proposals/wide-arithmetic/"];

    private static readonly Lock Gate = new();
    private static IReadOnlyList<SpecModule>? loaded;

    public static IReadOnlyList<SpecModule> InScope(string notRun) => [.. All(notRun).Where(module => !IsOutOfScope(module) && !IsOldMultiple(module))];

    public static IReadOnlyList<SpecModule> OutOfScope(string notRun) => [.. All(notRun).Where(IsOutOfScope)];

    private static bool IsOutOfScope(SpecModule module) => Unsupported.Any(module.Script.StartsWith);

    /// <summary>The threads proposal predates multiple tables and memories; what it calls invalid there is valid today.</summary>
    private static bool IsOldMultiple(SpecModule module) => module.Script.StartsWith("proposals/threads/", StringComparison.Ordinal)
        && module.Type == "assert_invalid" && module.Text is "multiple tables" or "multiple memories";

    private static IReadOnlyList<SpecModule> All(string notRun)
    {
        var archive = SharedFolder.Require(notRun, "spec", "spec-tests.tar.xz");
        lock (Gate)
        {
            return loaded ??= Load(XzArchive.Read(archive));
        }
    }

    private static List<SpecModule> Load(Dictionary<string, byte[]> files)
    {
        var modules = new List<SpecModule>();
        foreach (var json in files.Keys.Where(file => file.EndsWith(".json", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            // spec-tests/proposals/threads/atomic/atomic.json is the script proposals/threads/atomic.
            var folder = json[..json.LastIndexOf('/')];
            var script = folder[(folder.IndexOf('/') + 1)..];
            using var document = JsonDocument.Parse(files[json]);
            foreach (var command in document.RootElement.GetProperty("commands").EnumerateArray())
            {
                var file = Text(command, "module_type") == "text" ? Text(command, "binary_filename") : Text(command, "filename");
                if (file.EndsWith(".wasm", StringComparison.Ordinal))
                {
                    modules.Add(new SpecModule(script, command.GetProperty("line").GetInt32(), Text(command, "type"), Text(command, "text"), files[$"{folder}/{file}"]));
                }
            }
        }

        return modules;
    }

    private static string Text(JsonElement command, string property) => command.TryGetProperty(property, out var value) ? value.GetString() ?? "" : "";
}
