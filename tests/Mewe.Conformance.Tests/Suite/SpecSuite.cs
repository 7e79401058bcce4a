using System.Collections.Frozen;
using System.Diagnostics;
using System.Formats.Tar;

namespace Mewe.Conformance.Tests.Suite;

/// <summary>A part of the suite that is counted by itself.</summary>
public enum SpecGroup
{
    Core,
    Custom,
    Legacy,
    Threads,
}

/// <summary>A script of the suite in scope, as it lies in the archive.</summary>
/// <param name="Name">Folder below the suite's root, such as <c>i32</c> or <c>proposals/threads/atomic</c>.</param>
/// <param name="Path">The script's own path in the archive.</param>
public sealed record SpecFile(SpecGroup Group, string Name, string Path);

/// <summary>
/// The specification's official test suite, read from its archive into memory once per process: nothing is left behind on the disk. The archive is data
/// beside the repository, not part of it: found through <c>MEWE_SHARED</c>, else in a folder <c>shared</c> beside the repository's root.
/// </summary>
public sealed class SpecSuite
{
    /// <summary>How many assertions are in scope: what a run without the archive did not do.</summary>
    public const int AssertionsInScope = 61_773;

    private const string Archive = "spec/spec-tests.tar.xz";
    private const string Root = "spec-tests/";

    private static readonly Lazy<SpecSuite?> Loaded = new(() => Locate() is { } archive ? Load(archive) : null);

    private readonly FrozenDictionary<string, byte[]> entries;

    private SpecSuite(Dictionary<string, byte[]> entries)
    {
        this.entries = entries.ToFrozenDictionary(StringComparer.Ordinal);
        Files = [.. entries.Keys
            .Where(path => path.EndsWith(".json", StringComparison.Ordinal))
            .Select(path => (Path: path, Name: path[..path.LastIndexOf('/')]))
            .Where(file => GroupOf(file.Name) is not null)
            .OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => new SpecFile(GroupOf(file.Name)!.Value, file.Name, file.Path))];
    }

    /// <summary>The scripts in scope, in the order of their names.</summary>
    public IReadOnlyList<SpecFile> Files { get; }

    /// <summary>The suite; where it cannot be found the running test is skipped and says so, and fails when CI=true.</summary>
    public static SpecSuite Require()
    {
        if (Loaded.Value is { } suite)
        {
            return suite;
        }

        var message = $"The official suite was not found, {AssertionsInScope} assertions were not run: set MEWE_SHARED to the folder that has {Archive}.";
        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail(message);
        }

        Assert.Skip(message);
        return null!;
    }

    /// <summary>The bytes of a file named in a script.</summary>
    public byte[] Read(SpecFile script, string file) => entries[script.Path[..(script.Path.LastIndexOf('/') + 1)] + file];

    /// <summary>The commands of a script.</summary>
    public SpecScript Script(SpecFile file) => SpecScript.Parse(entries[file.Path]);

    private static SpecGroup? GroupOf(string name) => name.Split('/') switch
    {
        [_] => SpecGroup.Core,
        ["custom", _] => SpecGroup.Custom,
        ["legacy", _] => SpecGroup.Legacy,
        ["proposals", "threads", _] => SpecGroup.Threads,
        _ => null,
    };

    private static string? Locate()
    {
        if (Environment.GetEnvironmentVariable("MEWE_SHARED") is { Length: > 0 } named)
        {
            return Existing(Path.Combine(named, Archive));
        }

        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Mewe.Cluster.sln")))
            {
                return Existing(Path.Combine(directory.Parent?.FullName ?? "", "shared", Archive));
            }
        }

        return null;
    }

    private static string? Existing(string path) => File.Exists(path) ? path : null;

    // .NET has no decoder for xz; the program of that name is everywhere that tar is.
    private static SpecSuite Load(string archive)
    {
        using var xz = Process.Start(new ProcessStartInfo("xz", ["--decompress", "--stdout", archive]) { RedirectStandardOutput = true })!;
        var entries = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        using (var tar = new TarReader(xz.StandardOutput.BaseStream))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
                {
                    continue;
                }

                var bytes = new byte[entry.Length];
                entry.DataStream?.ReadExactly(bytes); // an empty file has none
                var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
                entries[name.StartsWith(Root, StringComparison.Ordinal) ? name[Root.Length..] : name] = bytes;
            }
        }

        xz.WaitForExit();
        return xz.ExitCode == 0
            ? new SpecSuite(entries)
            : throw new InvalidDataException($"xz ended with exit code {xz.ExitCode} on {archive}");
    }
}
