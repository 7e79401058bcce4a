using System.Globalization;

namespace Mewe.StoreLoad;

/// <summary>Processor time of a PostgreSQL server on this machine: that of its process and of the processes that it started, which serve the connections (Linux, proc(5)).</summary>
internal static class ServerTime
{
    private const double TicksPerMillisecond = 0.1; // USER_HZ is 100 everywhere

    /// <returns>In milliseconds.</returns>
    public static double Of(int server) => Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Sum(process =>
    {
        try
        {
            // After the program's name, which ends with the last parenthesis: state, parent, ..., utime and stime as the 12th and 13th.
            var stat = File.ReadAllText($"/proc/{process}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            var counts = int.Parse(process!, CultureInfo.InvariantCulture) == server || int.Parse(fields[1], CultureInfo.InvariantCulture) == server;
            return counts ? (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerMillisecond : 0;
        }
        catch (IOException)
        {
            return 0; // it has just ended
        }
    });
}
