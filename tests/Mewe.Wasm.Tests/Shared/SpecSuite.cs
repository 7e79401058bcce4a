using System.Diagnostics;
using System.Text.Json;

namespace Mewe.Wasm.Tests.Shared;

/// <summary>One module of the official suite and what the suite says of it.</summary>
/// <param name="Script">Path of the script below the suite's root, without extension.</param>
/// <param name="Type">The command: module, assert_invalid ...</param>
internal sealed record SpecModule(string Script, int Line, string Type, string Text, string File)
{
    public byte[] Bytes => System.IO.File.ReadAllBytes(File);

    public override string ToString() => $"{Script}:{Line} {Type} \"{Text}\"";
}

/// <summary>The official suite, unpacked once into a temporary folder that is deleted when the tests end.</summary>
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
            return loaded ??= Load(Unpack(archive, "mewe-spec"));
        }
    }

    /// <summary>Unpacks a .tar.xz (with the system's tar: .NET has no xz) into a new temporary folder.</summary>
    public static string Unpack(string archive, string prefix)
    {
        var folder = Directory.CreateTempSubdirectory(prefix + "-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        using var tar = Process.Start(new ProcessStartInfo("tar", ["-xJf", archive, "-C", folder]) { RedirectStandardError = true })!;
        var errors = tar.StandardError.ReadToEnd();
        tar.WaitForExit();
        Assert.True(tar.ExitCode == 0, $"tar cannot unpack {archive}: {errors}");
        return folder;
    }

    private static List<SpecModule> Load(string root)
    {
        var modules = new List<SpecModule>();
        foreach (var json in Directory.EnumerateFiles(root, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var folder = Path.GetDirectoryName(json)!;
            var script = Path.GetRelativePath(root, folder).Replace('\\', '/');
            script = script.Contains('/') ? script[(script.IndexOf('/') + 1)..] : script;
            using var document = JsonDocument.Parse(File.ReadAllBytes(json));
            foreach (var command in document.RootElement.GetProperty("commands").EnumerateArray())
            {
                var file = Text(command, "module_type") == "text" ? Text(command, "binary_filename") : Text(command, "filename");
                if (file.EndsWith(".wasm", StringComparison.Ordinal))
                {
                    modules.Add(new SpecModule(script, command.GetProperty("line").GetInt32(), Text(command, "type"), Text(command, "text"),
                        Path.Combine(folder, file)));
                }
            }
        }

        return modules;
    }

    private static string Text(JsonElement command, string property) => command.TryGetProperty(property, out var value) ? value.GetString() ?? "" : "";
}
