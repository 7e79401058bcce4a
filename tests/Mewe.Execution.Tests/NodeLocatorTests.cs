using Mewe.Execution.Node;

namespace Mewe.Execution.Tests;

public sealed class NodeLocatorTests
{
    [Fact]
    public void MEWE_NODE_comes_first_and_must_exist()
    {
        var locator = new NodeLocator(name => name == "MEWE_NODE" ? "/nowhere/node" : null, AppContext.BaseDirectory);

        Assert.False(locator.TryLocate(out _, out var problem));
        Assert.Contains("/nowhere/node", problem);
    }

    [Fact]
    public void Node_modules_is_found_in_a_directory_above()
    {
        var root = Directory.CreateTempSubdirectory("mewe-locator-");
        try
        {
            var bin = root.CreateSubdirectory("node_modules/node/bin");
            var program = Path.Combine(bin.FullName, OperatingSystem.IsWindows() ? "node.exe" : "node");
            File.WriteAllText(program, "");
            var locator = new NodeLocator(_ => null, root.CreateSubdirectory("a/b/c").FullName);

            Assert.True(locator.TryLocate(out var path, out _));
            Assert.Equal(program, path);
        }
        finally
        {
            root.Delete(true);
        }
    }

    [Fact]
    public void The_path_is_searched_last_and_finding_nothing_says_what_to_do()
    {
        var root = Directory.CreateTempSubdirectory("mewe-locator-");
        try
        {
            var program = Path.Combine(root.FullName, OperatingSystem.IsWindows() ? "node.exe" : "node");
            var locator = new NodeLocator(name => name == "PATH" ? $"/nowhere{Path.PathSeparator}{root.FullName}" : null, root.FullName);

            Assert.False(locator.TryLocate(out _, out var problem));
            Assert.Contains("npm ci", problem);
            Assert.Contains("MEWE_NODE", problem);
            File.WriteAllText(program, "");
            Assert.True(locator.TryLocate(out var path, out _));
            Assert.Equal(program, path);
        }
        finally
        {
            root.Delete(true);
        }
    }
}
