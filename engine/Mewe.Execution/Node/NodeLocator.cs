using System.Diagnostics.CodeAnalysis;

namespace Mewe.Execution.Node;

/// <summary>
/// Finds the <c>node</c> program: the environment variable <c>MEWE_NODE</c>, else <c>node_modules/node/bin/node</c> in the base directory or any directory above it
/// (where <c>npm ci</c> puts it), else <c>node</c> on the <c>PATH</c>.
/// </summary>
/// <param name="variable">Reads an environment variable; null when it is not set.</param>
/// <param name="baseDirectory">Where the upward search begins.</param>
public sealed class NodeLocator(Func<string, string?> variable, string baseDirectory)
{
    /// <summary>The environment variable that names the program.</summary>
    public const string Variable = "MEWE_NODE";

    private static readonly string ProgramName = OperatingSystem.IsWindows() ? "node.exe" : "node";

    /// <summary>Looks from this process: its environment and the directory it was started from.</summary>
    public static NodeLocator OfThisProcess { get; } = new(Environment.GetEnvironmentVariable, AppContext.BaseDirectory);

    /// <summary>The path of the program, or one line that says what to do.</summary>
    public bool TryLocate([NotNullWhen(true)] out string? path, [NotNullWhen(false)] out string? problem)
    {
        path = null;
        problem = null;
        if (variable(Variable) is { Length: > 0 } named)
        {
            if (File.Exists(named))
            {
                path = named;
                return true;
            }

            problem = $"MEWE_NODE names \"{named}\", which does not exist; correct it, or unset it to use the node that `npm ci` installs";
            return false;
        }

        path = InNodeModules() ?? OnPath();
        if (path is null)
        {
            problem = "no node program was found: run `npm ci` in Mewe's folder, or set MEWE_NODE to the path of node 22 or later";
        }

        return path is not null;
    }

    private string? InNodeModules()
    {
        for (var directory = new DirectoryInfo(baseDirectory); directory is not null; directory = directory.Parent)
        {
            var candidate = Path.Combine(directory.FullName, "node_modules", "node", "bin", ProgramName);
            if (File.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private string? OnPath() => (variable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(directory => Path.Combine(directory, ProgramName))
        .FirstOrDefault(File.Exists);
}
