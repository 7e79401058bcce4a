using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Mewe.Grains.Tests;

/// <summary>Arrows between projects point one way (ARCHITECTURE.md). A new arrow is a decision, so it is made here too.</summary>
public sealed class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Mewe.Wasm"] = [],
        ["Mewe.Diversify"] = ["Mewe.Wasm"],
        ["Mewe.Execution"] = ["Mewe.Wasm"],
        ["Mewe.Equivalence"] = ["Mewe.Wasm", "Mewe.Diversify", "Mewe.Execution"],
        ["Mewe.Linking"] = ["Mewe.Wasm", "Mewe.Diversify", "Mewe.Execution"],
        ["Mewe.Store"] = [],
        ["Mewe.Store.Postgres"] = ["Mewe.Store"],
        ["Mewe.Grains"] = ["Mewe.Wasm", "Mewe.Diversify", "Mewe.Execution", "Mewe.Equivalence", "Mewe.Linking", "Mewe.Store"],
        ["Mewe.Silo"] = ["Mewe.Grains", "Mewe.Store", "Mewe.Store.Postgres"],
        ["Mewe.Silo.Orleans"] = ["Mewe.Silo", "Mewe.Silo.Orleans.Client", "Mewe.Grains", "Mewe.Store", "Mewe.Store.Postgres"],
        ["Mewe.Silo.Orleans.Client"] = ["Mewe.Store", "Mewe.Store.Postgres"],
        ["Mewe.Client"] = ["Mewe.Grains", "Mewe.Client.Http"],
        ["Mewe.Client.Http"] = [],
    };

    [Fact]
    public void ProjectsReferOnlyWhereTheArrowsPoint()
    {
        var root = RepositoryRoot();
        var projects = Directory.EnumerateFiles(root, "*.csproj", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/tests/") && !path.Contains("/bench/") && !path.Contains("/obj/"))
            .ToList();
        Assert.NotEmpty(projects);
        foreach (var project in projects)
        {
            var name = Path.GetFileNameWithoutExtension(project);
            Assert.True(Allowed.TryGetValue(name, out var allowed), $"{name} is a new project: say in this test what it may refer to");
            var references = XDocument.Load(project).Descendants("ProjectReference").Select(e => Path.GetFileNameWithoutExtension(e.Attribute("Include")!.Value));
            Assert.All(references, reference => Assert.True(allowed.Contains(reference), $"{name} refers to {reference}"));
        }
    }

    /// <summary>The engine is a library: it is given bytes and gives bytes. Only Execution starts processes and finds its engine.</summary>
    [Fact]
    public void TheEngineTouchesNeitherConsoleNorFiles()
    {
        string[] forbidden = ["Console.", "File.", "Directory.", "FileStream", "Environment.Exit"];
        var engine = Path.Combine(RepositoryRoot(), "engine");
        var sources = Directory.EnumerateFiles(engine, "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/") && !path.Contains("/Mewe.Execution/"))
            .ToList();
        Assert.NotEmpty(sources);
        Assert.All(sources, path => Assert.DoesNotContain(
            File.ReadLines(path).Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)),
            line => forbidden.Any(name => Regex.IsMatch(line, $@"(?<![\w.]){Regex.Escape(name)}"))));
    }

    internal static string RepositoryRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Mewe.Cluster.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException("the repository's root is not above the tests");
    }
}
