using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Mewe.EndToEnd.Tests.Running;

/// <summary>Looks at processes from outside, as /proc shows them.</summary>
internal static partial class ProcessTree
{
    private const int Sigint = 2;

    /// <summary>A process that cannot be confused with a later one of the same number.</summary>
    public readonly record struct Member(int Id, string StartTime, string Name);

    /// <summary>All that descend from a process, itself not among them.</summary>
    public static IReadOnlyList<Member> DescendantsOf(int root)
    {
        var all = Directory.EnumerateDirectories("/proc").Select(folder => Path.GetFileName(folder)!)
            .Where(name => char.IsAsciiDigit(name[0]))
            .Select(name => Stat(int.Parse(name, CultureInfo.InvariantCulture)))
            .OfType<(Member Member, int Parent)>()
            .ToLookup(pair => pair.Parent, pair => pair.Member);
        var found = new List<Member>();
        var open = new Queue<int>([root]);
        while (open.TryDequeue(out var next))
        {
            found.AddRange(all[next]);
            foreach (var child in all[next])
            {
                open.Enqueue(child.Id);
            }
        }

        return found;
    }

    /// <summary>What a process has used so far; nothing where it is gone.</summary>
    public static TimeSpan ProcessorTime(Member member)
    {
        try
        {
            using var process = Process.GetProcessById(member.Id);
            return process.TotalProcessorTime;
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            return TimeSpan.Zero;
        }
    }

    /// <summary>Waits until a process is gone; the token aborts.</summary>
    public static async Task GoneAsync(Member member, CancellationToken cancellationToken)
    {
        if (Stat(member.Id)?.Member != member)
        {
            return;
        }

        try
        {
            using var process = Process.GetProcessById(member.Id);
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (ArgumentException)
        {
            // It went between the two looks.
        }
    }

    /// <summary>What Ctrl-C does.</summary>
    public static void Interrupt(Process process)
    {
        if (Kill(process.Id, Sigint) != 0)
        {
            throw new Win32Exception();
        }
    }

    // Fields 2 (name in parentheses), 4 (parent) and 22 (start time) of /proc/PID/stat; a zombie counts as gone.
    private static (Member Member, int Parent)? Stat(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            var close = stat.LastIndexOf(')');
            var fields = stat[(close + 2)..].Split(' ');
            return fields[0] == "Z" ? null
                : (new Member(id, fields[19], stat[(stat.IndexOf('(') + 1)..close]), int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
