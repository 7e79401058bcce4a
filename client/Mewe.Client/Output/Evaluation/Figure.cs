using System.Globalization;

namespace Mewe.Client.Output.Evaluation;

/// <summary>How numbers are written in evaluations. The program knows the invariant culture alone, so interpolated text is the same everywhere.</summary>
internal static class Figure
{
    /// <summary>A quotient such as a slowdown.</summary>
    public static string Ratio(double ratio) => ratio >= 99.5 ? $"{ratio:N0}" : ratio >= 9.95 ? $"{ratio:0.0}" : $"{ratio:0.00}";

    /// <summary>A share that is near 1 when all is well, and is never rounded up to it.</summary>
    public static string Share(double share) => share is < 1 and > 0.9995 ? $"{Math.Floor(share * 1e5) / 1e5:0.00000}" : $"{share:0.000}";

    public static string Time(double nanoseconds) => nanoseconds switch
    {
        < 999.5 => $"{nanoseconds:0} ns",
        < 999_500 => $"{Three(nanoseconds / 1e3)} µs",
        < 999_500_000 => $"{Three(nanoseconds / 1e6)} ms",
        _ => $"{Three(nanoseconds / 1e9)} s",
    };

    public static string Count(double count) => count < 1000 ? $"{count:0.##}" : count < 1e7 ? $"{count:N0}" : Mantissa(count);

    public static string Bytes(long bytes) => bytes < 100_000 ? $"{bytes / 1e3:0.0} kB" : bytes < 999_500 ? $"{bytes / 1e3:0} kB" : $"{bytes / 1e6:0.0} MB";

    /// <summary>Decimal digits of a number that may be far larger than any type: as they are, or with an exponent.</summary>
    public static string Digits(string digits) => digits.Length <= 6 ? digits
        : $"{digits[0]}.{digits[1]}·10{Superscript(digits.Length - 1)}";

    /// <summary>As <see cref="Digits"/>, for numbers that are rounded already.</summary>
    public static string Paths(double count) => Digits(count.ToString("F0", CultureInfo.InvariantCulture));

    public static string Probability(double p) => p < 1e-4 ? "< 0.0001" : $"{p:0.0000}";

    private static string Three(double value) => value >= 99.95 ? $"{value:0}" : value >= 9.995 ? $"{value:0.0}" : $"{value:0.00}";

    private static string Mantissa(double value)
    {
        var exponent = (int)Math.Floor(Math.Log10(value));
        return $"{value / Math.Pow(10, exponent):0.0}·10{Superscript(exponent)}";
    }

    private static string Superscript(int number) =>
        string.Concat(number.ToString(CultureInfo.InvariantCulture).Select(digit => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit - '0']));
}
