using System.Collections.Concurrent;
using Mewe.EndToEnd.Tests.Running;
using Microsoft.Playwright;

namespace Mewe.EndToEnd.Tests;

/// <summary>A browser opens the report without a network, as a user does who was sent the file.</summary>
[Collection<SmallEvaluationCollection>]
public sealed class EvaluationPageTests(SmallEvaluation evaluation)
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    /// <summary>The system's browser; where there is none the test is skipped, and fails in CI.</summary>
    private static string Browser()
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        if (found is null)
        {
            const string message = "not run: there is no chromium to look at the report with (package chromium)";
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", message);
            Assert.Fail(message);
        }

        return found;
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1280)]
    [InlineData(ColorScheme.Dark, 1280)]
    [InlineData(ColorScheme.Light, 420)]
    public async Task TheReportShowsItsPlotsWithoutANetworkAndWithoutErrors(ColorScheme scheme, int width)
    {
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Browser(), Args = ["--no-sandbox"] });
        await using var context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            Offline = true, ColorScheme = scheme, ViewportSize = new ViewportSize { Width = width, Height = 900 },
        });
        var page = await context.NewPageAsync();
        var (requests, errors) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
        page.Request += (_, request) => requests.Enqueue(request.Url);
        page.Console += (_, message) => errors.Enqueue(message.Text);
        page.PageError += (_, error) => errors.Enqueue(error);

        var url = new Uri(evaluation.PagePath).AbsoluteUri;
        await page.GotoAsync(url);

        Assert.Equal("Mewe: an evaluation of 1 service", await page.TitleAsync());
        var plots = await page.Locator("figure svg").AllAsync();
        Assert.Equal(4, plots.Count); // slowdown, rounds, diversity, size
        foreach (var plot in plots)
        {
            Assert.True(await plot.IsVisibleAsync());
            var box = (await plot.BoundingBoxAsync())!;
            Assert.True(box.Width > width / 2.0 && box.Height > 40);
            var marks = await plot.Locator("circle, rect").AllAsync();
            Assert.NotEmpty(marks);
            foreach (var mark in marks.Take(20))
            {
                var place = (await mark.BoundingBoxAsync())!;
                Assert.InRange(place.X + (place.Width / 2), box.X, box.X + box.Width);
                Assert.InRange(place.Y + (place.Height / 2), box.Y, box.Y + box.Height);
            }
        }

        // One row of ours, one of the paper's; the details are there for who opens them.
        Assert.Equal(2, await page.Locator("main > .scroll tr:has(td)").CountAsync());
        await page.Locator("summary", new PageLocatorOptions { HasText = "invert" }).ClickAsync();
        Assert.True(await page.Locator("details[open] table").IsVisibleAsync());

        Assert.False(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth > window.innerWidth"), "the page is wider than its window");
        var (ink, paper) = (await LuminanceAsync(page, "color"), await LuminanceAsync(page, "backgroundColor"));
        Assert.True(scheme == ColorScheme.Dark ? ink > paper + 100 : paper > ink + 100);

        Assert.Equal([url], requests);
        Assert.Empty(errors);
    }

    /// <summary>The mean of a colour's red, green and blue, 0 to 255.</summary>
    private static Task<double> LuminanceAsync(IPage page, string property) =>
        page.EvaluateAsync<double>($"getComputedStyle(document.body).{property}.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3");
}
